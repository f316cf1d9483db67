"""Fingerings on which all methods agree, by every model that players are to use."""

from __future__ import annotations

import pytest

from fingering_service.models import Registry
from tests.fingering.support import build, digits, finger

MODELS = [m for m in Registry.load().models if m.name != "hmm"]  # which is there to compare with


@pytest.fixture(params=MODELS, ids=lambda m: m.name)
def model(request):
    return request.param


@pytest.mark.parametrize(
    ("upper", "lower", "right", "left"),
    [
        (
            "c5/8 d5/8 e5/8 f5/8 g5/8 a5/8 b5/8 c6/8 | b5/8 a5/8 g5/8 f5/8 e5/8 d5/8 c5/4",
            "c3/8 d3/8 e3/8 f3/8 g3/8 a3/8 b3/8 c4/8 | b3/8 a3/8 g3/8 f3/8 e3/8 d3/8 c3/4",
            "123123454321321",
            "543213212312345",
        ),
        (
            "d4/8 e4/8 f#4/8 g4/8 a4/8 b4/8 c#5/8 d5/8",
            "d3/8 e3/8 f#3/8 g3/8 a3/8 b3/8 c#4/8 d4/8",
            "12312345",
            "54321321",
        ),
        ("c4/4 d4/4 e4/4 f4/4 | g4/4 f4/4 e4/4 d4/4", "R | R", "12345432", ""),
    ],
    ids=["C major", "D major", "five fingers"],
)
def test_scales(model, upper, lower, right, left):
    score = finger(build(upper, lower).score(), model).score
    assert digits(score, 1) == right
    assert digits(score, 2) == left


def test_arpeggio_passes_the_thumb(model):
    score = finger(build("c4/8 e4/8 g4/8 c5/8 e5/8 g5/8 c6/4", "R").score(), model).score
    assert digits(score, 1) == "1231235"


def test_slowly_repeated_notes_and_chords_keep_their_fingers(model):
    score = finger(build("c5/4 c5/4 c5/4 c5/4", "c3+e3+g3/4 c3+e3+g3/4 c3+e3+g3/4 c3+e3+g3/4").score(), model).score
    assert len(set(digits(score, 1))) == 1
    assert len(set(digits(score, 2)[1:-1].split(")("))) == 1


def test_repeated_octaves_are_played_with_the_outer_fingers(model):
    score = finger(build("c4+c5/4 c4+c5/4 d4+d5/4 d4+d5/4", "c2+c3/4 c2+c3/4 d2+d3/4 d2+d3/4").score(), model).score
    assert digits(score, 1) == "(15)(15)(15)(15)"
    assert digits(score, 2) == "(51)(51)(51)(51)"


def test_an_octave_apart_is_fingered_alike(model):
    low = finger(build("c4/8 e4/8 g4/8 f4/8 d4/8 b3/8 c4/4", "R").score(), model).score
    high = finger(build("c6/8 e6/8 g6/8 f6/8 d6/8 b5/8 c6/4", "R").score(), model).score
    assert digits(low, 1) == digits(high, 1)
