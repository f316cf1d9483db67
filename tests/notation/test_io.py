"""Scores as bytes."""

import json

import pytest

from etude.notation.io import ScoreFormatError, digest, from_bytes, from_json, read_score, to_bytes, to_json
from tests.notation.samples import two_bars


def test_json_is_the_protobuf_mapping_and_readable():
    text = to_json(two_bars())
    tree = json.loads(text)
    assert list(tree)[:2] == ["schemaVersion", "scoreId"]
    assert tree["events"][0]["type"] == "NOTE_TYPE_QUARTER"
    assert tree["measures"][1]["onsetTicks"] == "4"
    assert text.endswith(b"}\n")


def test_map_entries_are_ordered():
    one, other = two_bars(), two_bars()
    names = [f"option{number}" for number in range(20)]
    step = one.provenance.steps.add(stage="omr")
    for name in names:
        step.parameters[name] = "x"
    step = other.provenance.steps.add(stage="omr")
    for name in reversed(names):
        step.parameters[name] = "x"
    assert to_json(one) == to_json(other)
    assert to_bytes(one) == to_bytes(other)


def test_unknown_fields_of_later_versions_are_passed_over():
    tree = json.loads(to_json(two_bars())) | {"schemaVersion": "1.7.0", "novelty": 3}
    assert from_json(json.dumps(tree)).schema_version == "1.7.0"
    assert from_json(b"\xef\xbb\xbf" + json.dumps(tree).encode()).schema_version == "1.7.0"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "schema_version is missing"),
        (b"{}", "schema_version is missing"),
        (b"{", "no Score in JSON"),
        (b"{" * 100_000, "no Score in JSON"),
        (b'{"divisions": "many"}', "no Score in JSON"),
        (b"%PDF-1.7 ...", "no binary Score|schema_version is missing"),
        (b'{"schemaVersion": "2.0.0"}', "schema version 2.0.0"),
        (b"{\xff}", "no Score in JSON"),
    ],
)
def test_other_bytes_are_refused(data, message):
    with pytest.raises(ScoreFormatError, match=message):
        read_score(data)


def test_truncated_bytes_are_refused():
    data = to_bytes(two_bars())
    with pytest.raises(ScoreFormatError):
        from_bytes(data[: len(data) - 3])


def test_digest():
    assert digest(b"abc") == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
