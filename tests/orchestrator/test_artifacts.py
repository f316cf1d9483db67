"""Artifacts, their lineage and corrections, over real sockets."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from typing import Any

import pytest

from etude.job.v1 import artifact_service_pb2, job_pb2
from etude.job.v1.artifact_service_pb2 import Artifact, ArtifactKind
from etude.job.v1.job_pb2 import JobEventKind, JobState
from etude.notation import io as score_io
from etude.score.v1 import fingering_pb2, score_pb2
from orchestrator.lineage import related
from tests.orchestrator.conftest import Mesh, errors, refused, until
from tests.orchestrator.stage_servers import VERSION, document

SOURCE, V1, V2 = (
    ArtifactKind.ARTIFACT_KIND_SOURCE,
    ArtifactKind.ARTIFACT_KIND_IR_V1,
    ArtifactKind.ARTIFACT_KIND_IR_V2,
)
ANNOTATED = ArtifactKind.ARTIFACT_KIND_ANNOTATED_PDF


async def completed(mesh: Mesh, **plan: Any) -> job_pb2.Job:
    job = await mesh.client.create(document(**plan))
    done = await mesh.client.settled(job.job_id)
    assert done.state == JobState.JOB_STATE_COMPLETED
    return done


def one(artifacts: list[Artifact], kind: int, score_index: int = 0, revision: int = 1) -> Artifact:
    (found,) = [a for a in artifacts if (a.kind, a.revision) == (kind, revision) and a.score_index in (score_index, -1)]
    return found


async def score_of(mesh: Mesh, artifact: Artifact) -> score_pb2.Score:
    return score_io.from_json(await mesh.client.download(artifact.artifact_id))


def fingers(score: score_pb2.Score) -> list[int]:
    return [note.fingering.finger for event in score.events for note in event.notes]


async def edges(mesh: Mesh, artifact: Artifact) -> set[tuple[str, str, str]]:
    request = artifact_service_pb2.GetLineageRequest(artifact_id=artifact.artifact_id)
    answer = await mesh.client.artifacts.GetLineage(request)
    ids = {each.artifact_id for each in answer.artifacts}
    assert artifact.artifact_id in ids
    return {(edge.source_artifact_id, edge.derived_artifact_id, edge.transformation) for edge in answer.edges}


@pytest.mark.parametrize("in_chunks", [False, True])
async def test_every_artifact_says_what_it_is_and_where_it_comes_from(mesh: Mesh, in_chunks: bool) -> None:
    content = document(rendering_in_chunks=in_chunks)
    job = await mesh.client.create(content)
    await mesh.client.settled(job.job_id)
    artifacts = await mesh.client.list_artifacts(job.job_id)
    for artifact in artifacts:
        data = await mesh.client.download(artifact.artifact_id)
        assert hashlib.sha256(data).hexdigest() == artifact.sha256
        assert len(data) == artifact.size_bytes
        request = artifact_service_pb2.GetArtifactRequest(artifact_id=artifact.artifact_id)
        assert (await mesh.client.artifacts.GetArtifact(request)).artifact == artifact
        assert artifact.HasField("create_time")
        assert (artifact.job_id, artifact.tenant_id) == (job.job_id, "local")
    assert f"blobs/jobs/{job.job_id}/artifacts/{artifacts[0].artifact_id}.source" in mesh.files()
    source, v1, v2 = one(artifacts, SOURCE), one(artifacts, V1), one(artifacts, V2)
    assert await mesh.client.download(source.artifact_id) == content
    assert (v1.schema_version, v1.producer_version, dict(v1.parameters)) == ("1.0.0", VERSION, {"reader": "AUTO"})
    assert [model.name for model in v2.models] == ["test-fingering"]
    annotated = one(artifacts, ANNOTATED)
    assert (annotated.score_index, annotated.producer_version) == (-1, VERSION)
    assert dict(annotated.parameters) == {"density": "ALL"}
    assert await edges(mesh, annotated) == {
        (source.artifact_id, v1.artifact_id, "omr"),
        (v1.artifact_id, v2.artifact_id, "fingering"),
        (v2.artifact_id, annotated.artifact_id, "rendering"),
        (source.artifact_id, annotated.artifact_id, "rendering"),
    }
    assert len(await edges(mesh, source)) == 11  # everything descends from it


def test_lineage_leaves_siblings_out() -> None:
    pairs = [("s", "a"), ("s", "b"), ("a", "c"), ("b", "c"), ("b", "d")]
    all_edges = [artifact_service_pb2.LineageEdge(source_artifact_id=x, derived_artifact_id=y) for x, y in pairs]
    assert related("a", all_edges)[0] == {"s", "a", "c"}
    assert related("d", all_edges) == ({"s", "b", "d"}, [all_edges[1], all_edges[4]])
    assert related("alone", all_edges) == ({"alone"}, [])


@pytest.mark.parametrize(
    ("offset", "length"), [(0, 0), (0, 1), (1, 0), (5, 10), (1 << 20, 0), ((1 << 20) - 3, 7), (0, 1 << 30)]
)
@pytest.mark.parametrize("size", [3 << 20, 9 << 20])  # checked whole, and not
async def test_download_ranges(mesh: Mesh, offset: int, length: int, size: int) -> None:
    content = document(omr_seconds=60) + bytes(range(256)) * (size >> 8)
    job = await mesh.client.create(content)
    (source,) = await mesh.client.list_artifacts(job.job_id)
    end = offset + length if length else len(content)
    assert await mesh.client.download(source.artifact_id, offset, length) == content[offset:end]
    await mesh.client.cancel(job.job_id)


async def test_ranges_that_make_no_sense(mesh: Mesh) -> None:
    job = await completed(mesh)
    source = one(await mesh.client.list_artifacts(job.job_id), SOURCE)
    size = source.size_bytes
    assert await mesh.client.download(source.artifact_id, size) == b""
    for offset, length, reason in (
        (size + 1, 0, "OUT_OF_RANGE"),
        (size, 1, "OUT_OF_RANGE"),
        (-1, 0, "INVALID_REQUEST"),
        (0, -1, "INVALID_REQUEST"),
    ):
        with refused(reason):
            await mesh.client.download(source.artifact_id, offset, length)
    with refused("ARTIFACT_NOT_FOUND"):
        await mesh.client.download("nothing")


async def test_damaged_files_are_noticed(make_mesh: Any) -> None:
    mesh = await make_mesh(inline_artifact_bytes=0)
    job = await completed(mesh)
    midi = one(await mesh.client.list_artifacts(job.job_id), ArtifactKind.ARTIFACT_KIND_MIDI)
    path = mesh.data_dir / "artifacts" / "blobs" / "jobs" / job.job_id / "artifacts" / f"{midi.artifact_id}.mid"
    data = path.read_bytes()
    path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    for offset, length in ((0, 0), (3, 2)):
        with refused("CHECKSUM_MISMATCH"):
            await mesh.client.download(midi.artifact_id, offset, length)
    path.write_bytes(data[:-1])
    with refused("CHECKSUM_MISMATCH"):
        await mesh.client.download(midi.artifact_id)
    path.unlink()
    with refused("CHECKSUM_MISMATCH"):
        await mesh.client.download(midi.artifact_id)


async def test_listing_by_kind_and_page(mesh: Mesh) -> None:
    job = await completed(mesh)
    everything = await mesh.client.list_artifacts(job.job_id)
    svgs = await mesh.client.list_artifacts(job.job_id, kinds=[ArtifactKind.ARTIFACT_KIND_SVG, V1])
    assert [a.kind for a in svgs] == [V1, ArtifactKind.ARTIFACT_KIND_SVG, ArtifactKind.ARTIFACT_KIND_SVG]
    paged: list[Artifact] = []
    token = ""
    while True:
        request = artifact_service_pb2.ListArtifactsRequest(job_id=job.job_id, page_size=2, page_token=token)
        page = await mesh.client.artifacts.ListArtifacts(request)
        paged += page.artifacts
        token = page.next_page_token
        if not token:
            break
    assert paged == everything
    with refused("JOB_NOT_FOUND"):
        await mesh.client.list_artifacts("nothing")
    with refused("INVALID_REQUEST"), errors():
        wrong = artifact_service_pb2.ListArtifactsRequest(job_id=job.job_id, page_token="x")
        await mesh.client.artifacts.ListArtifacts(wrong)


# Corrections


async def test_pins_make_new_revisions_and_add_up(mesh: Mesh) -> None:
    job = await completed(mesh, scores=2, printed_note=3)
    before = await mesh.client.list_artifacts(job.job_id)
    answer = await mesh.client.update(job_id=job.job_id, score_index=1, pins=[{"note_id": "n1", "finger": 3}])
    assert list(answer.changed_note_ids) == ["n1"]
    after = await mesh.client.list_artifacts(job.job_id)
    assert after[: len(before)] == before  # nothing was edited
    second = one(after, V2, 1, revision=2)
    assert second.artifact_id == answer.artifact_id
    assert fingers(await score_of(mesh, second)) == [1, 3, 1, 4]
    assert (one(before, V2, 1).artifact_id, second.artifact_id, "correction") in await edges(mesh, second)

    answer = await mesh.client.update(
        job_id=job.job_id, score_index=1, pins=[{"note_id": "n0", "finger": 2, "substitution": 5}]
    )
    third = one(await mesh.client.list_artifacts(job.job_id), V2, 1, revision=3)
    assert fingers(await score_of(mesh, third)) == [2, 3, 1, 4]
    assert list(answer.changed_note_ids) == ["n0"]

    # A later pin replaces the earlier one; unpinning gives the stage, or the page, the word again.
    answer = await mesh.client.update(
        job_id=job.job_id,
        score_index=1,
        pins=[{"note_id": "n0", "finger": 5}, {"note_id": "n3", "finger": 2}],
        unpin_note_ids=["n1"],
    )
    fourth = await score_of(mesh, one(await mesh.client.list_artifacts(job.job_id), V2, 1, revision=4))
    assert fingers(fourth) == [5, 1, 1, 2]
    assert fourth.events[1].notes[0].fingering.source == fingering_pb2.FINGERING_SOURCE_PREDICTED
    await mesh.client.update(job_id=job.job_id, score_index=1, unpin_note_ids=["n3"])
    fifth = await score_of(mesh, one(await mesh.client.list_artifacts(job.job_id), V2, 1, revision=5))
    assert fingers(fifth) == [5, 1, 1, 4]
    assert fifth.events[3].notes[0].fingering.source == fingering_pb2.FINGERING_SOURCE_PRINTED

    latest = await mesh.client.list_artifacts(job.job_id, latest_only=True)
    assert {a.revision for a in latest if a.score_index == 0} == {1}
    assert {a.revision for a in latest if a.score_index == 1 and a.kind != V1} == {5}
    annotated = next(a for a in latest if a.kind == ANNOTATED)
    assert annotated.revision == 5
    text = (await mesh.client.download(annotated.artifact_id)).decode()
    assert "[[1, 1, 1, 4], [5, 1, 1, 4]]" in text  # both pieces, the latest of each
    assert (one(before, V2, 0).artifact_id, annotated.artifact_id, "rendering") in await edges(mesh, annotated)
    done = await mesh.client.get(job.job_id)
    assert (done.state, done.epoch) == (JobState.JOB_STATE_COMPLETED, job.epoch)
    events = await mesh.client.watch(job.job_id)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert {event.kind for event in events[job.last_sequence :]} == {JobEventKind.JOB_EVENT_KIND_ARTIFACT_CREATED}
    assert {event.actor for event in events[job.last_sequence :]} == {"user:local"}


async def test_corrections_are_idempotent_by_request_id(mesh: Mesh) -> None:
    job = await completed(mesh)
    request = {"job_id": job.job_id, "pins": [{"note_id": "n1", "finger": 3}], "request_id": str(uuid.uuid4())}
    first, second = await asyncio.gather(mesh.client.update(**request), mesh.client.update(**request))
    assert first == second
    assert await mesh.client.update(**request) == first
    assert len(await mesh.client.list_artifacts(job.job_id, kinds=[V2])) == 2
    with refused("REQUEST_ID_REUSED"):
        await mesh.client.update(**{**request, "pins": [{"note_id": "n1", "finger": 4}]})


async def test_corrections_at_once_build_on_each_other(mesh: Mesh) -> None:
    job = await completed(mesh)
    await asyncio.gather(
        *(mesh.client.update(job_id=job.job_id, pins=[{"note_id": f"n{n}", "finger": 5 - n}]) for n in range(4))
    )
    last = one(await mesh.client.list_artifacts(job.job_id), V2, revision=5)
    assert fingers(await score_of(mesh, last)) == [5, 4, 3, 2]


@pytest.mark.parametrize(
    ("request_fields", "reason"),
    [
        ({}, "INVALID_REQUEST"),
        ({"pins": [{"note_id": "n1", "finger": 1}], "score_index": 1}, "INVALID_REQUEST"),
        ({"pins": [{"note_id": "n1", "finger": 1}], "request_id": "x"}, "INVALID_REQUEST"),
        ({"pins": [{"note_id": "n1", "finger": 6}]}, "INVALID_CONSTRAINT"),
        ({"pins": [{"note_id": "n1"}]}, "INVALID_CONSTRAINT"),
        ({"pins": [{"note_id": "n1", "finger": 1, "substitution": -1}]}, "INVALID_CONSTRAINT"),
        ({"pins": [{"note_id": "n99", "finger": 1}]}, "INVALID_CONSTRAINT"),
        ({"unpin_note_ids": ["n99"]}, "INVALID_CONSTRAINT"),
        ({"pins": [{"note_id": "n1", "finger": 1}], "unpin_note_ids": ["n1"]}, "INVALID_CONSTRAINT"),
    ],
)
async def test_wrong_corrections_are_refused_and_leave_nothing(
    mesh: Mesh, request_fields: dict[str, Any], reason: str
) -> None:
    job = await completed(mesh)
    files = mesh.files()
    with refused(reason):
        await mesh.client.update(job_id=job.job_id, **request_fields)
    assert mesh.files() == files
    assert (await mesh.client.get(job.job_id)).last_sequence == job.last_sequence


async def test_corrections_need_a_completed_job(mesh: Mesh) -> None:
    job = await mesh.client.create(document(fingering_seconds=60))
    await until(lambda: mesh.journal.count("fingering", "start") == 1)
    with refused("INVALID_STATE") as error:
        await mesh.client.update(job_id=job.job_id, pins=[{"note_id": "n1", "finger": 3}])
    assert error.value.metadata["state"] == "FINGERING_PROCESSING"
    await mesh.client.cancel(job.job_id)
    with refused("JOB_NOT_FOUND"):
        await mesh.client.update(job_id="nothing", pins=[{"note_id": "n1", "finger": 3}])
