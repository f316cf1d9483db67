"""etude eval omr, with the mesh as it is."""

import base64
import json
import re
from pathlib import Path

import pytest

from etude.cli.main import main

DATA = Path(__file__).parents[1] / "omr" / "data"
DOCUMENT = DATA / "preambulum-lilypond.pdf"


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    """What our own reader makes of the document, kept as MusicXML: a truth it reaches in full."""
    folder = tmp_path_factory.mktemp("truth")
    dummy = folder / "dummy.musicxml"
    dummy.write_text(
        '<score-partwise version="4.0"><part-list><score-part id="P1"><part-name/></score-part></part-list>'
        '<part id="P1"><measure number="1"><attributes><divisions>1</divisions></attributes><note><pitch><step>C</step>'
        "<octave>4</octave></pitch><duration>4</duration><type>whole</type></note></measure></part></score-partwise>"
    )
    assert main(["eval", "omr", f"{DOCUMENT}:{dummy}", "--keep", str(folder), "-q", "--musicdiff", "none"]) == 0
    return folder / f"{DOCUMENT.stem}.musicxml"


def figures(capsys, *arguments):
    capsys.readouterr()
    assert main(["eval", "omr", *map(str, arguments), "--json", "--musicdiff", "none"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_document_against_its_own_reading(truth, capsys):
    result = figures(capsys, f"{DOCUMENT}:{truth}")
    (piece,) = result["pieces"]
    assert piece["figures"]["full"]["f1"] == 1.0
    assert piece["measures"]["perfect_share"] == piece["measures"]["wholly_right_share"] == 1.0
    assert piece["pages"] == 2
    assert piece["figures"]["full"]["truth"] > 50
    assert result["worst_bars"] == []


def test_a_wrong_note_is_found_and_named(truth, tmp_path, capsys):
    text = truth.read_text(encoding="utf-8")
    before, _, after = text.partition("<step>C</step>")
    reading = tmp_path / "reading.musicxml"
    reading.write_text(f"{before}<step>D</step>{after}", encoding="utf-8")
    result = figures(capsys, f"{reading}:{truth}")
    onset = result["micro"]["figures"]["onset"]
    assert onset["truth"] - onset["matched"] == 1
    (worst,) = result["worst_bars"]
    assert any(line.startswith("missed: C") for line in worst["what"])
    assert main(["eval", "omr", f"{reading}:{truth}", "-q", "--musicdiff", "none"]) == 0
    text = capsys.readouterr().out
    assert "The worst bars" in text
    assert "read, not there: D" in text


def test_what_cannot_be_read_counts_as_empty(truth, tmp_path, capsys):
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7\nnothing")
    result = figures(capsys, f"{broken}:{truth}", f"{DOCUMENT}:{truth}")
    assert [piece["figures"]["onset"]["f1"] for piece in result["pieces"]] == [0.0, 1.0]
    assert "CORRUPT_FILE" in result["pieces"][0]["error"]
    assert result["macro"]["figures"]["onset"]["f1"] == 0.5


def test_a_truth_that_is_none_is_wrong_usage(tmp_path, capsys):
    truth = tmp_path / "truth.krn"
    truth.write_text("**kern\n4c\n*-\n")
    assert main(["eval", "omr", f"{DOCUMENT}:{truth}"]) == 2
    assert "--referee" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--html", "--keep"])
def test_what_could_not_be_written_is_told_before_any_work(option, truth, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("etude.cli.eval_omr.evaluate_pairs", lambda *_: pytest.fail("it has begun to work"))
    (tmp_path / "file").touch()
    target = tmp_path / "file" / "report.html"
    assert main(["eval", "omr", f"{DOCUMENT}:{truth}", option, str(target)]) == 2
    assert f"{tmp_path / 'file'} is not a directory" in capsys.readouterr().err


def test_the_folder_of_a_report_is_made(truth, tmp_path, capsys):
    report = tmp_path / "new" / "report.html"
    figures(capsys, f"{truth}:{truth}", "--html", report)
    assert report.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_python_without_musicdiff_is_wrong_usage(truth, capsys):
    assert main(["eval", "omr", f"{truth}:{truth}", "--musicdiff", "/nowhere/python"]) == 2
    assert "no Python that has musicdiff" in capsys.readouterr().err


def test_the_report_shows_page_reading_and_truth_of_the_worst_bar(truth, tmp_path, capsys):
    text = truth.read_text(encoding="utf-8")
    before, _, after = text.partition("<step>C</step>")
    wrong = tmp_path / "wrong.musicxml"
    wrong.write_text(f"{before}<step>D</step>{after}", encoding="utf-8")
    report = tmp_path / "report.html"
    figures(capsys, f"{DOCUMENT}:{wrong}", "--html", report)
    html = report.read_text(encoding="utf-8")
    assert html.count("data:image/png;base64,") == 1
    assert html.count("data:image/svg+xml;base64,") == 2
    assert "No picture" not in html
    assert "http" not in html, "the report needs nothing from elsewhere"
    pictures = [base64.b64decode(data) for data in re.findall(r'data:image/[a-z+]*;base64,([^"]*)', html)]
    assert pictures[0].startswith(b"\x89PNG")
    assert pictures[1] != pictures[2], "the reading and the truth differ in this bar"
