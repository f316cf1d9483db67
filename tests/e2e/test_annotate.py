"""etude annotate with the embedded mesh: a PDF in, all files out, nothing left behind."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pikepdf
import pytest

from etude.notation.io import from_json
from etude.notation.validate import validate
from etude.production.ports import free_ports
from etude.score.v1 import score_pb2
from tests.e2e.conftest import LONG, SERVERS, SHORT, ServedMesh, environment, etude

pytestmark = pytest.mark.xdist_group("e2e")


def keyboard_notes(score: score_pb2.Score) -> list:
    parts = {part.part_id for part in score.parts if part.role != score_pb2.PART_ROLE_OTHER}
    return [note for event in score.events if event.part_id in parts for note in event.notes]


def test_every_file_of_a_piece_of_four_pages(tmp_path):
    done = etude("annotate", LONG, "-o", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "read 4 pages" in done.stdout
    assert "all fingered" in done.stdout
    assert "reading page 3 of 4" in done.stderr

    out, stem = tmp_path / "out", LONG.stem
    names = {path.name.removeprefix(stem) for path in out.iterdir()}
    pages = {name for name in names if name.endswith(".svg")}
    assert names - pages == {
        ".musicxml",
        ".mid",
        ".pdf",
        ".annotated.pdf",
        ".review.html",
        ".ir_v1.json",
        ".ir_v2.json",
    }
    assert pages == {".svg"} | {f".{number}.svg" for number in range(2, len(pages) + 1)}
    assert list((tmp_path / ".cache" / "etude").iterdir()) == []

    read = from_json((out / f"{stem}.ir_v1.json").read_bytes())
    fingered = from_json((out / f"{stem}.ir_v2.json").read_bytes())
    assert validate(read) == validate(fingered) == []
    notes = keyboard_notes(fingered)
    assert len(notes) > 1000
    assert all(1 <= note.fingering.finger <= 5 for note in notes)
    assert [note.note_id for note in notes] == [note.note_id for note in keyboard_notes(read)]

    assert (out / f"{stem}.mid").read_bytes().startswith(b"MThd")
    musicxml = ElementTree.parse(out / f"{stem}.musicxml").getroot()
    assert len(musicxml.findall(".//fingering")) > 1000
    for page in pages:
        assert ElementTree.parse(out / f"{stem}{page}").getroot().tag == "{http://www.w3.org/2000/svg}svg"
    with pikepdf.open(out / f"{stem}.annotated.pdf") as annotated, pikepdf.open(LONG) as original:
        assert [page.mediabox for page in annotated.pages] == [page.mediabox for page in original.pages]
    with pikepdf.open(out / f"{stem}.pdf") as engraved:
        assert len(engraved.pages) == len(pages)


def test_a_data_directory_keeps_jobs_and_json_says_where(tmp_path):
    done = etude(
        "annotate", SHORT, "-o", "out", "--data-dir", "data", "--formats", "midi,ir_v2", "--json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert {Path(path).suffix for path in report["outputs"]} == {".mid", ".json"}
    assert report["summary"]["pages_read"] == 1
    assert (tmp_path / "data" / "artifacts").is_dir()
    assert not (tmp_path / ".cache" / "etude").exists()


def test_who_has_no_cache_to_write_to_is_served_as_well(tmp_path):
    (tmp_path / ".cache").write_text("no directory, so none can be made in it")
    done = etude("annotate", SHORT, "-o", "out", "--formats", "midi", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == [f"{SHORT.stem}.mid"]


def test_hand_size_and_pages_make_a_difference(tmp_path):
    fingers = {}
    for size in "SL":
        done = etude(
            "annotate", LONG, "-o", size, "--hand-size", size, "--pages", "1-1", "--formats", "ir_v2", cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
        assert "read 1 page" in done.stdout or "read 1 of" in done.stdout
        score = from_json((tmp_path / size / f"{LONG.stem}.ir_v2.json").read_bytes())
        fingers[size] = [note.fingering.finger for note in keyboard_notes(score)]
    assert len(fingers["S"]) == len(fingers["L"]) > 100
    assert fingers["S"] != fingers["L"]


def test_a_service_elsewhere_that_does_not_answer_is_named(tmp_path):
    done = etude("annotate", SHORT, "-o", "out", cwd=tmp_path, ETUDE_OMR_TARGET="127.0.0.1:9")
    assert done.returncode == 1
    assert "The omr service at 127.0.0.1:9 does not answer" in done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / ".cache" / "etude").iterdir()) == []


def test_a_service_in_a_process_of_its_own(tmp_path):
    """etude serve omr, and a mesh that is told where it is."""
    (port,) = free_ports(1)
    target = f"127.0.0.1:{port}"
    reader = subprocess.Popen(
        [sys.executable, "-m", "etude.cli.main", "serve", "omr"],
        env=environment(ETUDE_OMR_ADDRESS=target),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        done = etude("annotate", SHORT, "-o", "out", "--formats", "midi", cwd=tmp_path, ETUDE_OMR_TARGET=target)
        assert done.returncode == 0, done.stderr
    finally:
        reader.terminate()
        _, log = reader.communicate(timeout=30)
    assert reader.returncode == 0
    assert "etude.stage.v1.OmrService/Recognize" in log


def test_two_meshes_do_not_share_a_data_directory_or_an_address(mesh: ServedMesh, tmp_path):
    others = {f"ETUDE_{name.upper()}_ADDRESS": "127.0.0.1:0" for name in SERVERS}
    elsewhere = f"127.0.0.1:{free_ports(1)[0]}"
    same_data = etude("serve", "--data-dir", mesh.data_dir, "--http", elsewhere, cwd=tmp_path, **others)
    assert same_data.returncode == 1
    assert str(mesh.data_dir) in same_data.stderr
    same_http = etude(
        "serve", "--data-dir", "data", "--http", f"127.0.0.1:{mesh.ports['http']}", cwd=tmp_path, **others
    )
    assert same_http.returncode == 1
    assert "cannot listen for HTTP" in same_http.stderr
    same_grpc = etude(
        "serve", "--data-dir", "data", cwd=tmp_path, **{**others, "ETUDE_OMR_ADDRESS": mesh.address("omr")}
    )
    assert same_grpc.returncode == 1
    assert same_grpc.stderr.count("\n") == 1
    assert "The omr service does not start: cannot listen on" in same_grpc.stderr
