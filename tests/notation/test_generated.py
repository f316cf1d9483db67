"""Properties that hold of every valid Score."""

from hypothesis import given, settings
from hypothesis import strategies as st

from etude.notation.io import from_bytes, from_json, read_score, to_bytes, to_json
from etude.notation.time import normalize_divisions, rescale
from etude.notation.validate import validate
from tests.notation.strategies import scores


@given(scores())
def test_generated_scores_are_valid(score):
    assert validate(score) == []


@given(scores(), st.integers(2, 7))
def test_scaling_changes_nothing_but_the_ticks(score, factor):
    scaled = rescale(score, score.divisions * factor)
    assert validate(scaled) == []
    assert scaled.divisions == score.divisions * factor
    assert rescale(scaled, score.divisions) == score
    assert normalize_divisions(scaled) == score


@given(scores())
@settings(max_examples=50)
def test_bytes_come_back_as_the_same_score(score):
    assert from_json(to_json(score)) == score
    assert from_bytes(to_bytes(score)) == score
    assert read_score(to_json(score)) == read_score(to_bytes(score)) == score
    assert to_json(from_bytes(to_bytes(score))) == to_json(score)
