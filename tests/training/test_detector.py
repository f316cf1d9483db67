"""Training of the symbol detector: labels, degradation, targets, a short training, export; all on pages made here."""

from __future__ import annotations

import json
import random
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from omr_service.scan.detector import Detector, Point  # noqa: E402
from omr_service.scan.vocabulary import INDEX, LINE_INDEX, LINES, POINTS  # noqa: E402
from omr_service.training.__main__ import main  # noqa: E402
from omr_service.training.canvas import UNKNOWN  # noqa: E402
from omr_service.training.decorate import decorate, zoo_measure  # noqa: E402
from omr_service.training.degrade import HEIGHT, WIDTH, Degrader, Patch  # noqa: E402
from omr_service.training.engrave import pdf_of_musicxml  # noqa: E402
from omr_service.training.evaluate import Tally  # noqa: E402
from omr_service.training.export import Served, export, read_back  # noqa: E402
from omr_service.training.feed import Example, Sampler  # noqa: E402
from omr_service.training.fit import Recipe, Trainer, new_net  # noqa: E402
from omr_service.training.pages import OVERSAMPLING, LabelledPage, held_out, load_pages, prepare_document  # noqa: E402
from omr_service.training.punches import old_rests, other_dots  # noqa: E402
from omr_service.training.targets import IGNORED, NOTHING, make_targets  # noqa: E402
from omr_service.training.train import write_weights  # noqa: E402
from omr_service.training.typeset import TypeCase  # noqa: E402

STEPS = "CDEFGAB"


def score(measures: int = 12) -> str:
    """Two staves of quarters and eighths with an accidental, a slur and a dot here and there, as MusicXML."""
    body = []
    for number in range(measures):
        notes = []
        for staff, octave in ((1, 5), (2, 3)):
            for i in range(4):
                step = STEPS[(number + i * 2 + staff) % 7]
                alter = "<alter>1</alter>" if i == 1 else ""
                mark = "<accidental>sharp</accidental>" if i == 1 else ""
                slur = f'<slur type="{"start" if i == 0 else "stop"}" number="1"/>' if i in (0, 3) else ""
                dot = "<articulations><staccato/></articulations>" if i == 2 else ""
                notes.append(
                    f"<note><pitch><step>{step}</step>{alter}<octave>{octave}</octave></pitch><duration>16</duration>"
                    f"<voice>{staff * 4 - 3}</voice><type>quarter</type>{mark}<staff>{staff}</staff>"
                    f"<notations>{slur}{dot}</notations></note>"
                )
            if staff == 1:
                notes.append("<backup><duration>64</duration></backup>")
        attributes = ""
        if number == 0:
            attributes = (
                "<attributes><divisions>16</divisions><key><fifths>-2</fifths></key><time><beats>4</beats>"
                "<beat-type>4</beat-type></time><staves>2</staves><clef number='1'><sign>G</sign><line>2</line></clef>"
                "<clef number='2'><sign>F</sign><line>4</line></clef></attributes>"
            )
        body.append(f'<measure number="{number + 1}">{attributes}{"".join(notes)}</measure>')
    return (
        '<?xml version="1.0" encoding="UTF-8"?><score-partwise version="4.0"><part-list><score-part id="P1">'
        f'<part-name/></score-part></part-list><part id="P1">{"".join(body)}</part></score-partwise>'
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labelled pages of one score in two engravings, of which the names put one on either side."""
    path = tmp_path_factory.mktemp("pages")
    names = [next(n for n in (f"v--{i}" for i in range(99)) if held_out(n + "-1") is kept) for kept in (False, True)]
    for seed, name in enumerate(names):
        pdf = pdf_of_musicxml(score().encode(), random.Random(seed), 1)
        assert prepare_document(pdf, name, path) == 1
    return path


@pytest.fixture(scope="module")
def page(folder: Path) -> LabelledPage:
    return next(load_pages(folder))


def number_of(page: LabelledPage, name: str) -> int:
    return int((page.points[:, 0] == INDEX[name]).sum())


def test_labels_are_what_was_engraved(page: LabelledPage) -> None:
    assert number_of(page, "noteheadBlack") == 96
    assert number_of(page, "accidentalSharp") == 24
    assert number_of(page, "articStaccato") == 24
    assert number_of(page, "gClef") == number_of(page, "fClef") > 0
    assert number_of(page, "accidentalFlat") == 2 * (number_of(page, "gClef") + number_of(page, "fClef"))
    assert number_of(page, "timeSig4") == 4


def test_points_stand_on_ink_and_noteheads_on_the_staff_grid(page: LabelledPage) -> None:
    rows = np.flatnonzero((np.array(page.masks) & 1).sum(axis=1) > 0.5 * page.masks.shape[1])
    for kind, x, y, w, h in page.points:
        if POINTS[int(kind)] != "noteheadBlack":
            continue
        k = OVERSAMPLING
        inside = page.page[int((y - 2) * k) : int((y + 2) * k), int((x - 2) * k) : int((x + 2) * k)]
        assert inside.mean() < 60
        assert 10 < w < 15 and 8 < h < 12
        # half spaces from some staff line
        steps = np.abs(rows - y + 0.5) / 5
        nearest = steps[steps < 12].min()
        assert min(nearest % 1, 1 - nearest % 1) < 0.2


def test_masks_are_the_lines(page: LabelledPage) -> None:
    dark = page.page.reshape(page.masks.shape[0], 2, page.masks.shape[1], 2).mean(axis=(1, 3)) < 160
    for line in ("staffLine", "stem", "barline", "curve"):
        bits = (page.masks >> LINE_INDEX[line]) & 1 > 0
        assert bits.any(), line
        assert dark[bits].mean() > 0.6, line
    assert ((page.masks >> LINE_INDEX["beam"]) & 1).sum() == 0


def test_degraded_patches_keep_their_labels(page: LabelledPage) -> None:
    degrader = Degrader(3)
    darkness = []
    for i in range(12):
        _, x, y, _, _ = page.points[i * 7]
        patch = degrader.patch(page, float(x), float(y), page)
        assert patch.page.shape == patch.masks.shape == (HEIGHT, WIDTH)
        assert patch.page.dtype == np.uint8
        heads = patch.points[patch.points[:, 0] == INDEX["noteheadBlack"]]
        for _, hx, hy, _, _ in heads:
            if 3 < hx < WIDTH - 3 and 3 < hy < HEIGHT - 3:
                inside = patch.page[int(hy) - 1 : int(hy) + 2, int(hx) - 1 : int(hx) + 2]
                darkness.append(float(inside.mean()) - float(np.median(patch.page)))
    assert len(darkness) > 100
    assert np.mean(np.array(darkness) < -40) > 0.95


def test_the_same_seed_degrades_in_the_same_way(page: LabelledPage) -> None:
    first, second = (Degrader(11).patch(page, 400.0, 300.0, page) for _ in range(2))
    assert (first.page == second.page).all()
    assert (first.points == second.points).all()
    assert (Degrader(12).patch(page, 400.0, 300.0, page).page != first.page).any()


def test_targets_say_what_is_in_each_cell() -> None:
    points = np.array([(INDEX["gClef"], 42.0, 21.0, 25.0, 70.0)], np.float32)
    masks = np.zeros((64, 96), np.uint16)
    masks[10, :] = 1 << LINE_INDEX["beam"]
    masks[40:44, 80:84] = 1 << UNKNOWN
    targets = make_targets(points, masks)
    assert targets.classes.shape == (16, 24)
    own = targets.classes == 1 + INDEX["gClef"]
    assert own[5, 10] and own.sum() <= 4
    assert targets.places[:, 5, 10] == pytest.approx((0.0, -0.25, np.log(2.5), np.log(7.0)))
    assert targets.classes[10, 20] == IGNORED
    assert targets.classes[0, 0] == NOTHING
    assert (targets.masks[5] == 1 << LINE_INDEX["beam"]).all()


def examples(folder: Path, count: int) -> list[Example]:
    sampler = Sampler(list(load_pages(folder)), 1)
    return [sampler.example() for _ in range(count)]


def test_a_short_training_learns_and_its_export_answers_alike(folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    trainer = Trainer(new_net(), Recipe(minutes=1e6, warm=5))
    batch = examples(folder, 2)
    losses = [sum(trainer.step(batch)) for _ in range(14)]
    assert losses[-1] < 0.6 * losses[0]

    net = trainer.averaged()
    with torch.no_grad():
        net.points.bias[0] = 0.0  # so that something is nearly everywhere: where nothing is, no more is told
    path = tmp_path / "detector.onnx"
    digest = export(net, {"name": "detector", "version": "0"}, path)
    detector = Detector(path, 1)
    assert detector.digest == digest
    assert detector.classes == POINTS and detector.lines == LINES
    for height, width in ((64, 128), (160, 96)):
        page = np.random.default_rng(0).integers(0, 255, (height, width), np.uint8)
        answers = detector.run(page)
        ink = torch.from_numpy((255 - page).astype(np.float32) / 255)[None, None]
        with torch.no_grad():
            logits, places, masks = Served(net)(ink)
        wanted = torch.softmax(logits, dim=1), places, masks
        for answer, tensor, tolerance in zip(answers, wanted, (1e-4, 1e-3, 1), strict=True):
            assert np.abs(answer.astype(float) - tensor[0].numpy().astype(float)).max() <= tolerance

    again = read_back(path)
    for name, value in net.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(again.state_dict()[name], value), name


def test_a_checkpoint_goes_on_where_it_stopped(folder: Path, tmp_path: Path) -> None:
    batch = examples(folder, 1)
    trainer = Trainer(new_net(), Recipe(minutes=1e6))
    trainer.step(batch)
    trainer.save(tmp_path / "checkpoint.pt")
    other = Trainer(new_net(), Recipe(minutes=1e6))
    other.restore(tmp_path / "checkpoint.pt")
    assert trainer.step(batch) == pytest.approx(other.step(batch), rel=0.02)


def test_other_networks_are_not_read_back(tmp_path: Path) -> None:
    fingering = Path(__file__).parents[2] / "fingering_service/weights/fingering.onnx"
    with pytest.raises(ValueError, match="another network"):
        read_back(fingering)


def test_the_tally_tells_found_missed_wrong_and_confused() -> None:
    points = np.array([(INDEX["noteheadBlack"], 50, 50, 12, 10), (INDEX["fClef"], 90, 50, 27, 35)], np.float32)
    patch = Patch(np.zeros((64, 128), np.uint8), points, np.zeros((64, 128), np.uint16))
    said = [
        Point("noteheadBlack", 51.0, 50.5, 12.0, 10.0, 0.9),
        Point("cClef", 90.0, 50.0, 27.0, 40.0, 0.8),
        Point("segno", 10.0, 10.0, 20.0, 30.0, 0.3),
    ]
    tally = Tally()
    tally.add(patch, said, np.zeros((len(LINES), 32, 64), np.uint8))
    summary = tally.summary()
    assert (summary["symbols"], summary["recall"], summary["precision"]) == (2, 50.0, 50.0)
    assert summary["confused"] == {"fClef as cClef": 1}
    assert summary["notehead_height_error_spaces_mean"] == pytest.approx(0.05)


def test_decoration_adds_marks_that_can_be_engraved() -> None:
    before = ET.ElementTree(ET.fromstring(score()))
    wanted = {"fingering", "articulations", "ornaments", "dynamics", "wedge", "grace", "pedal", "octave-shift"}
    seen: set[str] = set()
    for seed in range(12):
        tree = ET.ElementTree(ET.fromstring(ET.tostring(before.getroot())))
        decorate(tree, random.Random(seed))
        seen |= {element.tag for element in tree.iter()}
    assert wanted <= seen
    assert pdf_of_musicxml(ET.tostring(tree.getroot()), random.Random(0), 1).startswith(b"%PDF")


@pytest.mark.parametrize("seed", range(8))
def test_a_zoo_measure_adds_up(seed: int) -> None:
    measure = zoo_measure(16, 2, random.Random(seed))
    length = 64 * int(measure.findtext("attributes/time/beats", "0"))
    length //= int(measure.findtext("attributes/time/beat-type", "1"))
    for staff in ("1", "2"):
        total = sum(int(n.findtext("duration", "0")) for n in measure.findall("note") if n.findtext("staff") == staff)
        assert total == length


def test_the_command_goes_from_a_score_to_labelled_pages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = tmp_path / "scores"
    scores.mkdir()
    (scores / "piece.musicxml").write_text(score())
    (scores / "broken.musicxml").write_text("<score")
    assert main(["engrave", str(scores), "--out", str(tmp_path / "pdfs"), "--seeds", "1", "--pages", "1"]) == 0
    assert "broken" in capsys.readouterr().err
    assert main(["label", str(tmp_path / "pdfs"), "--out", str(tmp_path / "pages")]) == 0
    assert [p.name for p in load_pages(tmp_path / "pages")] == ["verovio0--piece-1"]


def test_weights_are_written_with_a_card(folder: Path, tmp_path: Path) -> None:
    card = write_weights(Trainer(new_net(), Recipe(threads=1)), folder, tmp_path, patches=2)
    assert json.loads((tmp_path / "detector.card.json").read_text()) == card
    assert card["digest"] == Detector(tmp_path / "detector.onnx", 1).digest
    assert card["training"]["pages"] == card["held_out"]["pages"] == 1
    assert card["training"]["symbols_by_class"]["noteheadBlack"] == 96


def test_the_type_case_gives_ten_digits_of_one_face() -> None:
    case = TypeCase(np.random.default_rng(0), faces=("Libertinus Serif", "New Computer Modern"))
    for _ in range(6):
        digits = case.digits()
        assert len(digits) == 10
        heights = [d.shape[0] for d in digits]
        assert max(heights) < 1.6 * min(heights)
        assert digits[1].shape[1] <= digits[0].shape[1]


def test_printed_fingers_are_points_and_printed_words_are_masked() -> None:
    case = TypeCase(np.random.default_rng(0), faces=("Libertinus Serif",))
    ink = np.zeros((HEIGHT, WIDTH), np.float32)
    masks = np.zeros((HEIGHT, WIDTH), np.uint16)
    heads = np.array([(INDEX["noteheadBlack"], 50.0 * i, 128.0, 12.0, 10.0) for i in range(1, 10)], np.float32)
    points = case.print_fingers(ink, heads, 1)
    added = points[len(heads) :]
    assert len(added) > 0
    for kind, x, y, w, h in added:
        assert POINTS[int(kind)].startswith("fingering")
        assert ink[int(y - h / 2) : int(y + h / 2) + 1, int(x - w / 2) : int(x + w / 2) + 1].max() > 0.5
    before = ink.copy()
    case.print_words(ink, masks, 1)
    words = (masks >> LINE_INDEX["text"]) & 1 > 0
    assert words.any()
    assert (ink != before)[~words].sum() == 0


def test_quarter_rests_can_be_those_of_old_editions() -> None:
    blank = np.full((400, 800), 255, np.uint8)
    blank[150:230, 196:204] = 0  # a quarter rest
    blank[160:200, 600:604] = 0  # an eighth rest: a stroke with a hook at its left
    blank[160:170, 590:600] = 0
    rows = [(INDEX["restQuarter"], 100.0, 95.0, 8.0, 40.0), (INDEX["rest8th"], 298.5, 88.0, 7.0, 20.0)]
    points = np.array(rows, np.float32)
    drawn = LabelledPage("rests", blank, np.zeros((200, 400), np.uint16), points)
    ink = ((255 - blank) / 255).astype(np.float32)
    out = old_rests(ink, drawn, points, (0, 0, 400, 200), 2)
    assert tuple(out[0, 3:5]) == (7.0, 20.0)
    assert ink[150:158, 180:220].sum() == 0  # the old rest is gone
    rows_with_ink, columns = np.nonzero(ink[140:240, 180:220])
    top = rows_with_ink < rows_with_ink.min() + 8
    assert columns[top].mean() > columns[~top].mean() + 2  # the hook is now at the right


def test_dots_move_away_from_notes_but_never_into_ink() -> None:
    white = np.full((200, 400), 255, np.uint8)
    white[96:104, 96:104] = 0  # a dot with room at its right
    white[96:104, 296:304] = 0  # a dot with a notehead close by
    white[80:120, 308:340] = 0
    points = np.array([(INDEX["augmentationDot"], x, 50.0, 4.0, 4.0) for x in (50.0, 150.0)], np.float32)
    drawn = LabelledPage("dots", white, np.zeros((100, 200), np.uint16), points)
    moved = []
    for seed in range(20):
        ink = ((255 - white) / 255).astype(np.float32)
        out = other_dots(ink, drawn, points, (0, 0, 200, 100), 2, np.random.default_rng(seed))
        moved.append(out[0, 1] - 50.0)
        assert ink[100, int(2 * out[0, 1])] > 0.5
        assert ink[100, int(2 * out[1, 1])] > 0.5
        assert out[1, 1] < 154.0
    assert max(moved) > 5.0
