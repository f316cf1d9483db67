"""A watcher that comes a moment after its job is told of it without a look into the database, or looks."""

from __future__ import annotations

from typing import Any

import pytest

from etude.job.v1.job_pb2 import JobEvent, JobState
from orchestrator import states, watching
from orchestrator.caller import Caller
from orchestrator.notifier import Change, Notifier
from orchestrator.repositories.editor import JobEditor
from orchestrator.repositories.jobs import JobRecord
from orchestrator.store import Store
from tests.orchestrator.conftest import Mesh
from tests.orchestrator.stage_servers import document
from tests.orchestrator.test_database import REF, make_job


def change(first: int, last: int, state: JobState.ValueType = states.OMR_PROCESSING) -> Change:
    return Change([JobEvent(sequence=number) for number in range(first, last + 1)], state)


def test_a_job_is_told_of_from_its_first_event_on_while_it_is_under_way() -> None:
    notifier = Notifier()
    whole = [change(1, 3), change(4, 4)]
    for each in whole:
        notifier.publish("a", each)
    assert notifier.told("a") == whole
    notifier.publish("b", change(2, 3))  # its beginning was made elsewhere
    assert not notifier.told("b")
    notifier.publish("a", change(6, 6))  # something is missing
    assert not notifier.told("a")
    notifier.publish("c", change(1, 1))
    notifier.publish("c", None)  # another process changed it
    notifier.publish("c", change(3, 3))
    assert not notifier.told("c")
    notifier.publish("d", change(1, 1))
    notifier.publish("d", change(2, 2, states.COMPLETED))
    assert not notifier.told("d")
    notifier.publish("e", change(1, 1))
    notifier.look_all()
    assert not notifier.told("e")


async def test_it_need_not_look(mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    original = watching.news_of_job

    async def counted(*arguments: Any, **named: Any) -> Any:
        looks.append(1)
        return await original(*arguments, **named)

    monkeypatch.setattr(watching, "news_of_job", counted)
    job = await mesh.client.create(document(fingering_seconds=0.3))
    events = await mesh.client.watch(job.job_id)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert events[-1].state == states.COMPLETED
    assert not looks
    assert await mesh.client.watch(job.job_id) == events
    assert looks


async def test_nobody_else_is_told(store: Store) -> None:
    editor = JobEditor(JobRecord(make_job(), {}), "x", new=True)
    editor.created("begins")
    await store.create(editor)

    def told(tenant_id: str, user_id: str, cursor: int = 0) -> Any:
        return watching._told(store, Caller(tenant_id, user_id), REF.job_id, cursor)

    assert told("t1", "u1") == told("t1", "u1", 1) == [Change(editor.saved_events, states.PENDING)]
    assert not told("t1", "u1", 2)  # the database may know of more
    assert not told("t1", "u2")
    assert not told("t2", "u1")
