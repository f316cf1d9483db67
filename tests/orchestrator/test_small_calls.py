"""What fits into one message goes to a stage in one; what does not, or to a stage that does not know that, in many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from etude.job.v1.job_pb2 import JobState
from etude.mesh.limits import MAX_CHUNK_BYTES
from tests.orchestrator.stage_servers import Omr, Renderer, document

_SMALL = {"InspectFile": Omr, "RecognizeFile": Omr, "RenderScores": Renderer}
_STREAMS = {"Inspect": Omr, "Recognize": Omr, "Render": Renderer}


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each method was called over the wire; those for one message call the others, which count by it."""
    counts: Counter[str] = Counter()

    def counting(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def count(servicer: Any, request: Any, context: Any) -> Any:
            counts[name] += 1
            return method(servicer, request, context)

        return count

    for name, servicer in (_SMALL | _STREAMS).items():
        monkeypatch.setattr(servicer, name, counting(name, getattr(servicer, name)))
    return counts


async def test_a_small_job_takes_one_message_each(called: Counter[str], make_mesh: Any) -> None:
    mesh = await make_mesh()
    job = await mesh.client.create(document())
    assert (await mesh.client.settled(job.job_id)).state == JobState.JOB_STATE_COMPLETED
    assert called == dict.fromkeys([*_SMALL, *_STREAMS], 1)


async def test_a_large_file_comes_in_pieces(called: Counter[str], make_mesh: Any) -> None:
    mesh = await make_mesh()
    job = await mesh.client.create(document() + b"%" * MAX_CHUNK_BYTES)
    assert (await mesh.client.settled(job.job_id)).state == JobState.JOB_STATE_COMPLETED
    assert called == dict.fromkeys(_STREAMS, 1)


@pytest.fixture
def of_other_make(monkeypatch: pytest.MonkeyPatch, called: Counter[str]) -> None:
    """Stages that answer UNIMPLEMENTED to calls for one message."""
    for name, servicer in _SMALL.items():
        monkeypatch.setattr(servicer, name, getattr(servicer.__base__, name))


@pytest.mark.usefixtures("of_other_make")
async def test_a_stage_that_knows_streams_only_is_sent_them(called: Counter[str], make_mesh: Any) -> None:
    mesh = await make_mesh()
    job = await mesh.client.create(document())
    assert (await mesh.client.settled(job.job_id)).state == JobState.JOB_STATE_COMPLETED
    assert called == dict.fromkeys(_STREAMS, 1)
