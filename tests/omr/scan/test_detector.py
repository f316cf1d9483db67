"""The shipped detector on pages of the examples, and how its answer becomes points and glyphs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from omr_service.pdf.reader import read_page_symbols
from omr_service.scan.detector import WEIGHTS, Detector, Point, find_points, probabilities_of, tiles
from omr_service.scan.glyphs import SMALL_EM, glyphs_of
from omr_service.scan.model import detector_info
from omr_service.scan.vocabulary import LINES, POINTS, STAFF_SPACE, glyph_of, point_class
from omr_service.training.labels import PageLabels, label_page, page_scale
from omr_service.training.pages import OVERSAMPLING, rasterise

EXAMPLES = Path(__file__).parents[3] / "examples"
EXAMPLE_NAMES = ("chopin-prelude-op28-no4", "chopin-waltz-op64-no1")


def normal(name: str) -> tuple[np.ndarray, PageLabels]:
    """The first page of an example at the normal resolution, and what is on it."""
    pdf = (EXAMPLES / f"{name}.pdf").read_bytes()
    symbols = read_page_symbols(pdf, 1)
    scale = page_scale(symbols)
    assert scale is not None
    large = rasterise(pdf, 1, scale)
    labels = label_page(symbols, large, scale)
    size = (large.shape[1] // OVERSAMPLING, large.shape[0] // OVERSAMPLING)
    return np.asarray(cv2.resize(large, size, interpolation=cv2.INTER_AREA), np.uint8), labels


def recall(points: tuple[Point, ...], labels: PageLabels, prefix: str) -> float:
    """Share of the symbols of some classes that were found, by name, within 0.3 spaces."""
    there = [(POINTS[int(kind)], x, y) for kind, x, y, _, _ in labels.points if POINTS[int(kind)].startswith(prefix)]
    assert there
    near = 0.3 * STAFF_SPACE
    hits = sum(
        any(p.name == name and p.probability > 0.5 and max(abs(p.x - x), abs(p.y - y)) < near for p in points)
        for name, x, y in there
    )
    return hits / len(there)


@pytest.mark.parametrize("name", EXAMPLE_NAMES)
def test_the_shipped_detector_finds_what_is_engraved(name: str) -> None:
    page, labels = normal(name)
    found = Detector.load().detect(page)
    assert recall(found.points, labels, "notehead") > 0.97
    assert recall(found.points, labels, "accidental") > 0.9
    heads = [p for p in found.points if p.name.startswith("notehead") and p.probability > 0.5]
    there = sum(POINTS[int(kind)].startswith("notehead") for kind in labels.points[:, 0])
    assert len(heads) < 1.05 * there


@pytest.mark.parametrize("line", ["staffLine", "stem", "beam", "barline"])
def test_the_shipped_detector_paints_lines_where_they_are(line: str) -> None:
    page, labels = normal("chopin-waltz-op64-no1")
    mask = Detector.load().detect(page).mask(line) >= 128
    bit = (labels.masks >> LINES.index(line)) & 1
    height, width = (side // 2 * 2 for side in bit.shape)
    truth = bit[:height, :width].reshape(height // 2, 2, width // 2, 2).max(axis=(1, 3)) > 0
    said = mask[: height // 2, : width // 2]
    assert (truth & said).sum() > 0.85 * truth.sum()
    assert (truth & said).sum() > 0.5 * said.sum()


def test_an_empty_page_has_nothing_on_it() -> None:
    found = Detector.load().detect(np.full((333, 517), 255, np.uint8))
    assert found.points == ()
    assert found.masks.shape == (len(LINES), 167, 259)
    assert found.masks.max() < 128


def test_a_page_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="uint8"):
        Detector.load().detect(np.zeros((10, 10), np.float32))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="non-empty"):
        Detector.load().detect(np.zeros((0, 10), np.uint8))


def test_a_page_in_tiles_is_read_as_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    page, _ = normal("chopin-prelude-op28-no4")
    page = page[:900]
    detector = Detector.load()
    whole = detector.detect(page)
    monkeypatch.setattr("omr_service.scan.detector.tiles", lambda h, w: tiles(h, w, side=512))
    pieces = detector.detect(page)
    assert abs(len(whole.points) - len(pieces.points)) <= 0.02 * len(whole.points)
    sure = [p for p in whole.points if p.probability > 0.6]
    again = sum(
        any(q.name == p.name and abs(q.x - p.x) < 1 and abs(q.y - p.y) < 1 for q in pieces.points) for p in sure
    )
    assert again >= 0.99 * len(sure)
    assert np.mean(np.abs(whole.masks.astype(int) - pieces.masks)) < 0.5


def test_a_part_of_a_page_is_read_as_it_is_within_the_whole_and_the_rest_is_empty() -> None:
    page, _ = normal("chopin-prelude-op28-no4")
    page = page[:900]
    detector = Detector.load()
    whole, part = detector.detect(page), detector.detect(page, (203, 105, 707, page.shape[1] + 50))
    inside = [p for p in whole.points if p.probability > 0.6 and 260 < p.y < 640 and p.x > 160]
    assert len(inside) > 50
    again = sum(
        any(q.name == p.name and abs(q.x - p.x) < 1 and abs(q.y - p.y) < 1 for q in part.points) for p in inside
    )
    assert again >= 0.99 * len(inside)
    assert all(p.y > 150 and p.x > 60 and p.y < 707 for p in part.points)
    assert np.mean(np.abs(whole.masks[:, 130:320, 80:].astype(int) - part.masks[:, 130:320, 80:])) < 0.5
    assert not part.masks[:, :90].any() and not part.masks[:, 354:].any()


@pytest.mark.parametrize(
    ("height", "width", "side"), [(100, 100, 512), (1000, 3000, 512), (2048, 512, 512), (17, 5, 16)]
)
def test_tiles_cover_every_pixel_once(height: int, width: int, side: int) -> None:
    covered = np.zeros((height, width), int)
    for tile in tiles(height, width, side, margin=32):
        covered[tile.top : tile.bottom, tile.left : tile.right] += 1
        top, left, bottom, right = tile.seen
        assert 0 <= top <= tile.top < tile.bottom <= bottom <= height
        assert 0 <= left <= tile.left < tile.right <= right <= width
        assert tile.top % 2 == 0 and tile.left % 2 == 0
    assert (covered == 1).all()


def test_a_page_is_one_tile_as_long_as_it_is_no_larger_than_the_largest_and_its_cuts_are_short() -> None:
    assert len(list(tiles(2000, 1400))) == 1
    [upper, lower] = tiles(3200, 1900)
    assert upper.bottom == lower.top and (upper.left, upper.right) == (lower.left, lower.right) == (0, 1900)
    assert len(list(tiles(3000, 4000))) == 4


def test_probabilities_are_the_softmax_of_logits_where_there_is_something() -> None:
    logits = np.random.default_rng(1).normal(0.0, 4.0, (5, 20, 30)).astype(np.float32)
    logits[0, 10:] += 30.0
    powers = np.exp(logits.astype(float))
    said = probabilities_of(logits)
    assert np.abs(said - powers / powers.sum(0))[:, :10].max() < 1e-5
    assert (said[0, 10:] > 0.98).all() and np.abs(said - powers / powers.sum(0)).max() < 0.02
    assert np.allclose(said.sum(0), 1.0, atol=1e-5)


def answer(cells: dict[tuple[int, int], dict[str, float]], rows: int = 8, columns: int = 12) -> np.ndarray:
    probabilities = np.zeros((1 + len(POINTS), rows, columns), np.float32)
    probabilities[0] = 1.0
    for (row, column), classes in cells.items():
        probabilities[0, row, column] = 1.0 - sum(classes.values())
        for name, p in classes.items():
            probabilities[1 + POINTS.index(name), row, column] = p
    return probabilities


def test_a_cell_becomes_a_point_with_its_place_and_alternatives() -> None:
    probabilities = answer({(3, 5): {"noteheadHalf": 0.6, "noteheadBlack": 0.3}})
    places = np.zeros((4, 8, 12), np.float32)
    places[:, 3, 5] = (0.25, -0.5, np.log(1.2), 0.0)
    (point,) = find_points(probabilities, places, POINTS)
    assert point.name == "noteheadHalf"
    assert (point.x, point.y) == pytest.approx((23.0, 12.0))
    assert (point.width, point.height) == pytest.approx((12.0, 10.0))
    assert point.probability == pytest.approx(0.6)
    assert point.alternatives[0] == ("noteheadBlack", pytest.approx(0.3))


def test_two_cells_that_mean_one_symbol_are_one_point() -> None:
    probabilities = answer({(3, 5): {"noteheadBlack": 0.9}, (3, 7): {"noteheadBlack": 0.8}})
    places = np.zeros((4, 8, 12), np.float32)
    assert len(find_points(probabilities, places, POINTS)) == 2
    places[0, 3, 5], places[0, 3, 7] = 1.0, -1.0
    assert len(find_points(probabilities, places, POINTS)) == 1


def test_a_head_whose_cells_touch_those_of_its_dot_is_a_point_of_its_own() -> None:
    # as the shipped detector answers on a head and the staccato dot nine pixels over it
    probabilities = answer(
        {
            (2, 5): {"articStaccato": 0.99},
            (3, 5): {"articStaccato": 0.98},
            (4, 5): {"noteheadBlack": 0.97},
            (5, 5): {"noteheadBlack": 0.94},
        }
    )
    places = np.zeros((4, 8, 12), np.float32)
    places[1, 2:6, 5] = (0.46, -0.71, 0.67, -0.23)
    found = find_points(probabilities, places, POINTS)
    assert [p.name for p in found] == ["articStaccato", "noteheadBlack"]
    assert found[1].y - found[0].y == pytest.approx(8.84)


def test_a_cell_beside_a_symbol_that_points_elsewhere_is_no_symbol() -> None:
    probabilities = answer({(3, 5): {"noteheadBlack": 0.9}, (3, 6): {"noteheadBlack": 0.5}})
    places = np.zeros((4, 8, 12), np.float32)
    places[0, 3, 6] = 1.2  # a cell at the rim may say what it likes
    assert len(find_points(probabilities, places, POINTS)) == 1


def test_glyphs_have_smufl_names_sizes_and_sides() -> None:
    points = [
        Point("noteheadBlackSmall", 100.0, 200.0, 8.0, 7.0, 0.9, (("noteheadBlack", 0.1),)),
        Point("articStaccato", 100.0, 185.0, 4.0, 4.0, 0.8),
        Point("articAccent", 101.0, 220.0, 12.0, 8.0, 0.8),
        Point("accidentalFlat", 88.0, 200.0, 8.0, 24.0, 0.95),
        Point("dynamicMezzo", 60.0, 300.0, 16.0, 18.0, 0.9),
        Point("dynamicForte", 72.0, 300.0, 11.0, 18.0, 0.7),
        Point("gClef", 20.0, 205.0, 25.0, 68.0, 0.2),
    ]
    glyphs = {g.name: g for g in glyphs_of(points)}
    assert set(glyphs) == {"noteheadBlack", "articStaccatoAbove", "articAccentBelow", "accidentalFlat", "dynamicMF"}
    head = glyphs["noteheadBlack"]
    assert head.size == SMALL_EM
    assert (head.x, head.y, head.confidence) == (96.0, 200.0, 0.9)
    assert head.alternatives == (("noteheadBlack", 0.1),)
    flat = glyphs["accidentalFlat"].box
    assert flat.y1 - 200.0 < 200.0 - flat.y0
    assert glyphs["dynamicMF"].confidence == 0.7


def test_the_card_is_that_of_the_shipped_weights() -> None:
    info, detector = detector_info(), Detector.load()
    assert info.model.digest == detector.digest
    assert info.model.version == detector.version
    assert info.size_bytes == WEIGHTS.stat().st_size < 10_000_000
    assert (info.stage, info.licence, info.is_default) == ("omr", "Apache-2.0", True)


@pytest.mark.parametrize(
    ("name", "small", "expected"),
    [
        ("noteheadBlack", False, "noteheadBlack"),
        ("noteheadBlack", True, "noteheadBlackSmall"),
        ("gClef8vb", True, "gClefSmall"),
        ("articStaccatissimoWedgeBelow", False, "articStaccatissimoBelow"),
        ("articTenutoAbove", True, "articTenuto"),
        ("ottavaBassa", False, "ottava"),
        ("noteheadDiamondBlack", False, None),
    ],
)
def test_glyph_names_have_classes(name: str, small: bool, expected: str | None) -> None:
    assert point_class(name, small) == expected


def test_every_class_is_a_smufl_name() -> None:
    known = {
        line.split("\t")[1] for line in (EXAMPLES.parent / "omr_service/pdf/smufl.tsv").read_text().splitlines()[2:]
    }
    grouped = {"articStaccato", "articTenuto", "articAccent", "graceNoteSlash"}
    for point in POINTS:
        plain, _ = glyph_of(point)
        assert plain in known or plain in grouped, point
