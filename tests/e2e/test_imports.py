"""MusicXML and MIDI through the whole mesh: imported, fingered, rendered, with their own lineage."""

import json

import pytest

from etude.client import AsyncEtudeClient
from etude.job.v1 import job_pb2
from etude.media_types import MUSICXML
from etude.notation.io import from_json
from etude.score.v1 import fingering_pb2
from tests.e2e.conftest import ServedMesh, etude
from tests.omr.test_imports import PIANO, midi, zipped

pytestmark = pytest.mark.xdist_group("e2e")


def test_the_command_fingers_musicxml_and_midi(tmp_path):
    (tmp_path / "piece.mxl").write_bytes(zipped(score__xml=PIANO))
    (tmp_path / "played.pdf").write_bytes(midi())
    done = etude("annotate", "piece.mxl", "played.pdf", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    reports = {report["file"]: report for report in map(json.loads, done.stdout.splitlines())}
    assert set(reports) == {"piece.mxl", "played.pdf"}
    for report in reports.values():
        assert report["summary"]["fingered_note_count"] == report["summary"]["note_count"] > 0
        assert any("No annotated PDF was made" in remark for remark in report["summary"]["remarks"])
        assert not any(path.endswith(".annotated.pdf") for path in report["outputs"])
    assert (tmp_path / "played.pdf").read_bytes() == midi(), "the input is not overwritten by the engraved PDF"
    assert (tmp_path / "played.fingered.pdf").read_bytes().startswith(b"%PDF")

    fingered = from_json((tmp_path / "piece.ir_v2.json").read_bytes())
    (note,) = [note for event in fingered.events for note in event.notes]
    assert (note.fingering.finger, note.fingering.source) == (3, fingering_pb2.FINGERING_SOURCE_PRINTED)


def test_only_an_annotated_pdf_of_music_without_pages_is_refused_at_once(tmp_path):
    (tmp_path / "piece.musicxml").write_bytes(PIANO)
    done = etude("annotate", "piece.musicxml", "--formats", "annotated_pdf", cwd=tmp_path)
    assert done.returncode == 1
    assert "made of the pages of a PDF or of pictures; this file is MusicXML" in done.stderr


async def test_lineage_and_audit_trail_say_that_it_was_imported(tmp_path, mesh: ServedMesh):
    async with AsyncEtudeClient(mesh.address("orchestrator")) as client:
        path = tmp_path / "piece.musicxml"
        path.write_bytes(PIANO)
        job = await client.create_job(path)
        assert job.source.media_type == MUSICXML
        job = await client.wait(job.job_id, timeout_s=120)
        assert job.state == job_pb2.JOB_STATE_COMPLETED
        assert job.summary.page_count == 0
        artifacts = {a.filename: a async for a in client.artifacts(job.job_id)}
        edges = (await client.lineage(artifacts["piece.ir_v1.json"].artifact_id)).edges
        reasons = [event.reason async for event in client.watch_job(job.job_id)]
    transformations = {edge.transformation for edge in edges}
    assert {"import", "fingering", "rendering"} <= transformations
    assert "omr" not in transformations
    assert any(reason.startswith("imported MusicXML: 1 notes in 1 measures") for reason in reasons)
