"""etude review, with the mesh as it is, and what it makes of a Score's doubts."""

import base64
import io
import re
from pathlib import Path

import numpy as np
from PIL import Image, ImageColor

from etude.cli.main import main
from etude.evaluation.pictures import PIXELS_PER_POINT, Engraver, Pages
from etude.review.document import WRONG
from etude.review.systems import systems_of
from etude.score.v1 import page_pb2, provenance_pb2
from renderer_service.musicxml import musicxml_bytes
from tests.support.score_builder import ScoreBuilder

DOCUMENT = Path(__file__).parents[1] / "omr" / "data" / "preambulum-lilypond.pdf"


def doubted_score():
    builder = ScoreBuilder()
    for _ in range(6):
        builder.measure("4/4")
        builder.voice(1, 1, "c5/4 d5/4 e5/4 f5/4")
        builder.voice(2, 2, "R")
    score = builder.score()
    note = score.events[0].notes[0].note_id
    score.doubts.add(kind=provenance_pb2.DOUBT_KIND_MEASURE_LENGTH, message="too long", measure_index=4)
    score.doubts.add(kind=provenance_pb2.DOUBT_KIND_LOW_CONFIDENCE, message="a smudge", measure_index=0, ids=[note])
    return score, note


def test_doubts_are_in_their_systems():
    score, note = doubted_score()
    score.measures[3].starts_system = True
    first, second = systems_of([score])
    assert [(s.first, s.count) for s in (first, second)] == [(0, 3), (3, 3)]
    assert first.ids == {note} and not first.wrong_bars
    assert second.wrong_bars == {1} and not second.ids
    assert [(d.text, d.whole_bar) for d in second.doubts] == [("too long", True)]


def test_without_line_breaks_four_bars_are_shown_at_a_time():
    score, _ = doubted_score()
    assert [(s.first, s.count) for s in systems_of([score])] == [(0, 4), (4, 2)]


def test_only_what_is_doubtful_is_coloured():
    svg = '<svg viewBox="0"><g id="m1" class="measure"/><g id="m2" class="measure"/></svg>'
    colored = Engraver.colored(svg, {"n7"}, "#111", {1}, "#222")
    assert '[id="m2"], [id="m2"] * { fill: #222' in colored
    assert ".hairpin polyline { fill: none }" in colored
    assert '[id="n7"]' in colored and '[id="m1"]' not in colored
    assert Engraver.colored(svg, set(), "#111", set(), "#222") == svg


def test_a_line_is_drawn_as_its_bars_are_and_lines_may_be_no_lines_of_the_file(tmp_path):
    builder = ScoreBuilder()
    for pitch in "cdefga":
        builder.measure("4/4")
        builder.voice(1, 1, f"{pitch}5/2 {pitch}5/2")
        builder.voice(2, 2, "R")
    score = builder.score()
    score.measures[3].starts_system = True
    path = tmp_path / "lines.musicxml"
    path.write_bytes(musicxml_bytes(score))
    engraver = Engraver()

    def notes(svg):
        return re.findall(r'<g id="([^"]*)" class="note', svg)

    for first, count in ((3, 3), (0, 3), (1, 4), (3, 3)):
        expected = [n.note_id for e in score.events for n in e.notes if e.measure_index in range(first, first + count)]
        assert notes(engraver.line(path, first, count)) == expected == notes(engraver.bars(path, first, count))


def test_the_command_writes_every_system_over_its_reading(tmp_path, capsys):
    target = tmp_path / "review.html"
    assert main(["review", str(DOCUMENT), "-o", str(target)]) == 0
    assert "doubt" in capsys.readouterr().out
    html = target.read_text(encoding="utf-8")
    systems = html.count('<div class="system')
    assert systems > 5
    assert html.count("data:image/png;base64,") == html.count("data:image/svg+xml;base64,") == systems
    assert "No picture" not in html and "http" not in html
    drawn = [base64.b64decode(data).decode() for data in re.findall(r"svg\+xml;base64,([^\"]*)", html)]
    assert all(WRONG not in svg for svg in drawn), "every bar of this piece adds up"
    assert [path.name for path in tmp_path.iterdir()] == ["review.html"]


def test_what_cannot_be_read_makes_no_review(tmp_path, capsys):
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7 nothing")
    assert main(["review", str(broken), "-o", str(tmp_path / "review.html")]) == 1
    assert "CORRUPT_FILE" in capsys.readouterr().err
    assert not (tmp_path / "review.html").exists()


def test_a_page_is_shown_upright_and_a_photograph_no_larger_than_it_need_be(tmp_path):
    grain = np.random.default_rng(1).integers(0, 99, (1600, 2400, 3)).astype(np.uint8)
    grain[100:200, 100:300] = 255
    Image.fromarray(grain).save(tmp_path / "page.png")
    region = page_pb2.PageRegion(page_number=1, x=0, y=500, width=400, height=100)
    media_type, data = Pages().crop(tmp_path / "page.png", region, 400, rotation=270)
    shown = Image.open(io.BytesIO(data))
    assert media_type == "image/jpeg" and shown.width == 400 * PIXELS_PER_POINT
    # turned anticlockwise, the white corner at the top left is at the bottom left
    white = np.asarray(shown.convert("L")) > 200
    rows, columns = np.nonzero(white)
    assert rows.size and columns.max() < 120 and rows.min() > 40


def test_a_page_in_black_and_white_is_kept_in_sixteen_colours_with_its_frames(tmp_path):
    page = np.full((400, 600, 3), 255, np.uint8)
    page[100:110] = 0
    page[200:210] = 128
    Image.fromarray(page).save(tmp_path / "page.png")
    region = page_pb2.PageRegion(page_number=1, x=0, y=0, width=300, height=200)
    frames = [(page_pb2.PageRegion(x=50, y=20, width=20, height=20), WRONG)]
    media_type, data = Pages().crop(tmp_path / "page.png", region, 300, frames)
    shown = Image.open(io.BytesIO(data))
    assert media_type == "image/png" and shown.size == (600, 400)
    assert data[24] == 4, "bits a pixel"
    colored = np.asarray(shown.convert("RGB")).astype(int)
    assert tuple(colored[40, 110]) == ImageColor.getrgb(WRONG)
    colored[np.abs(colored - ImageColor.getrgb(WRONG)).sum(axis=2) == 0] = 255
    assert np.abs(colored - page).max() <= 9, "half a step of fifteen greys"
