"""The reader of page numbers is trained on text faces; some are held out."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib
import numpy as np
import pytest

pytest.importorskip("torch")

from omr_service.scan.numbers import SIDE, WEIGHTS
from omr_service.training.__main__ import main
from omr_service.training.digits import faces_in, signs_of

FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"


def test_faces_of_one_family_stay_on_one_side():
    faces = faces_in([FONTS])
    held_out = {p.stem.split("-")[0].lower() for p in faces.held_out}
    assert held_out
    assert faces.train
    assert not held_out & {p.stem.split("-")[0].lower() for p in faces.train}


def test_signs_are_drawn_anew_from_a_seed():
    fonts = faces_in([FONTS]).train
    pictures, kinds = signs_of(fonts, 60, np.random.default_rng(1))
    again, _ = signs_of(fonts, 60, np.random.default_rng(1))
    assert pictures.shape == (60, SIDE, SIDE)
    assert set(kinds.tolist()) <= set(range(11))
    assert np.array_equal(pictures, again)


def test_training_writes_weights_that_have_learned_and_their_card(tmp_path, capsys):
    out = tmp_path / "digits.onnx"
    assert main(["digits", str(FONTS), "--out", str(out), "--signs", "2500", "--passes", "4"]) == 0
    card = json.loads(out.with_suffix(".card.json").read_text())
    assert out.stat().st_size == card["size_bytes"]
    assert card["held_out"]["digits_right"] > 0.5  # chance is a tenth
    assert json.loads(capsys.readouterr().out) == card["held_out"]


def test_the_shipped_card_is_of_the_shipped_weights():
    card = json.loads(WEIGHTS.with_suffix(".card.json").read_text())
    assert card["size_bytes"] == WEIGHTS.stat().st_size
    assert card["held_out"]["digits_right"] > 0.9
