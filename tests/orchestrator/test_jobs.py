"""Jobs from end to end, against stages on real sockets."""

from __future__ import annotations

from etude.job.v1.artifact_service_pb2 import ArtifactKind
from etude.job.v1.job_pb2 import JobEventKind, JobState
from tests.orchestrator.conftest import Mesh
from tests.orchestrator.stage_servers import document


async def test_a_job_goes_through_all_stages(mesh: Mesh) -> None:
    job = await mesh.client.create(document(pages=3))
    assert job.state == JobState.JOB_STATE_PENDING
    events = await mesh.client.watch(job.job_id)
    states = [event.state for event in events if event.kind == JobEventKind.JOB_EVENT_KIND_STATE_CHANGED]
    assert states == [
        JobState.JOB_STATE_PENDING,
        JobState.JOB_STATE_OMR_PROCESSING,
        JobState.JOB_STATE_OMR_COMPLETED,
        JobState.JOB_STATE_FINGERING_PROCESSING,
        JobState.JOB_STATE_FINGERING_COMPLETED,
        JobState.JOB_STATE_RENDERING_PROCESSING,
        JobState.JOB_STATE_COMPLETED,
    ]
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    pages = [event.progress.page for event in events if event.progress.stage == "omr"]
    assert pages == [1, 2, 3]
    done = await mesh.client.get(job.job_id)
    assert done.state == JobState.JOB_STATE_COMPLETED
    assert done.HasField("complete_time")
    assert (done.summary.pages_read, done.summary.note_count, done.summary.fingered_note_count) == (3, 4, 4)
    artifacts = await mesh.client.list_artifacts(job.job_id)
    assert [(ArtifactKind.Name(a.kind).removeprefix("ARTIFACT_KIND_"), a.filename) for a in artifacts] == [
        ("SOURCE", "piece.pdf"),
        ("IR_V1", "piece.ir_v1.json"),
        ("IR_V2", "piece.ir_v2.json"),
        ("MUSICXML", "piece.musicxml"),
        ("MIDI", "piece.mid"),
        ("SVG", "piece.page1.svg"),
        ("SVG", "piece.page2.svg"),
        ("SCORE_PDF", "piece.pdf"),
        ("ANNOTATED_PDF", "piece.annotated.pdf"),
    ]
