"""The fast JSON writer gives the text of protobuf's own."""

from __future__ import annotations

import json

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from etude.job.v1 import artifact_service_pb2, job_pb2
from etude.notation.json_text import to_text
from etude.score.v1 import page_pb2, score_pb2
from tests.notation.strategies import scores


def by_protobuf(message: Message) -> str:
    return json.dumps(json_format.MessageToDict(message), ensure_ascii=False, indent=2)


@settings(max_examples=40, deadline=None)
@given(scores())
def test_scores(score: score_pb2.Score) -> None:
    assert to_text(score) == by_protobuf(score)


@given(st.floats(width=32), st.floats(width=32))
def test_floats(x: float, y: float) -> None:
    region = page_pb2.PageRegion(page_number=-3, x=x, y=y)
    assert to_text(region) == by_protobuf(region)


def test_the_sign_of_zero_does_not_depend_on_what_came_before() -> None:
    region = page_pb2.PageRegion()
    region.x = -0.0
    assert to_text(region) == by_protobuf(region) == '{\n  "x": -0.0\n}'


@given(st.text(), st.dictionaries(st.text(), st.text(), max_size=4), st.integers(-(2**63), 2**63 - 1))
def test_text_maps_and_large_integers(text: str, parameters: dict[str, str], number: int) -> None:
    artifact = artifact_service_pb2.Artifact(filename=text, size_bytes=number)
    artifact.parameters.update(dict(sorted(parameters.items())))
    assert json.loads(to_text(artifact)) == json.loads(by_protobuf(artifact))
    assert list(json.loads(to_text(artifact)).get("parameters", {})) == sorted(parameters)


@pytest.mark.parametrize(
    "message",
    [
        job_pb2.Job(),
        job_pb2.Job(state=4242, summary=job_pb2.JobSummary(remarks=['ä\n"', ""])),  # a value this version knows not
        job_pb2.JobEvent(sequence=1, time={"seconds": 1700000000, "nanos": 5000000}, progress={"fraction": 0.1}),
        job_pb2.Job(error={"code": 3, "message": "no"}, options={"formats": [1, 2]}),
    ],
    ids=["empty", "unknown enum", "well-known type", "nested"],
)
def test_messages(message: Message) -> None:
    assert to_text(message) == by_protobuf(message)
