"""A job on SQLite under arbitrary sequences of changes, against a model that knows only the table."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from etude.job.v1 import job_pb2
from etude.mesh.errors import EtudeError
from etude.stage.v1 import stage_pb2
from orchestrator import states
from orchestrator.blobs.local import LocalBlobStore
from orchestrator.database import Database
from orchestrator.notifier import Notifier
from orchestrator.repositories.editor import JobEditor
from orchestrator.repositories.identity import IdentityRepository
from orchestrator.repositories.jobs import JobRecord, JobRef, find_job, news_of_job
from orchestrator.repositories.wire import now, timestamp
from orchestrator.states import ALL_STATES, TERMINAL, Cause, is_allowed
from orchestrator.store import Store

REF = JobRef("t", "j")


class JobMachine(RuleBasedStateMachine):
    """The store is opened anew now and then, as after a restart."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.directory = tempfile.TemporaryDirectory()
        self.events: list[tuple[int, int]] = []  # (state, epoch) after each event
        self.remarks = itertools.count()

    def open(self) -> None:
        root = Path(self.directory.name)
        database = Database(f"sqlite:///{root / 'x.sqlite'}")
        self.store = Store(database, LocalBlobStore(root / "blobs"), Notifier())

    @initialize()
    def create(self) -> None:
        self.open()
        self.loop.run_until_complete(self._create())
        self.state, self.epoch = states.PENDING, 1
        self.events.append((self.state, self.epoch))

    async def _create(self) -> None:
        await self.store.database.upgrade()
        async with self.store.database.write() as connection:
            await IdentityRepository(connection, "t").ensure("T", "u", "U")
        job = job_pb2.Job(job_id="j", tenant_id="t", user_id="u", state=states.PENDING, epoch=1, attempt=1)
        job.create_time.CopyFrom(timestamp(now()))
        job.update_time.CopyFrom(timestamp(now()))
        editor = JobEditor(JobRecord(job, {}), "user:u", new=True)
        editor.created("created")
        await self.store.create(editor)

    @rule(
        to=st.sampled_from(ALL_STATES),
        cause=st.sampled_from(list(Cause)),
        epoch=st.one_of(st.none(), st.integers(-2, 1)),
        with_progress=st.booleans(),
        locked=st.booleans(),
    )
    def change(self, to: int, cause: Cause, epoch: int | None, with_progress: bool, locked: bool) -> None:
        expected = None if epoch is None else self.epoch + epoch
        allowed = is_allowed(self.state, to, cause) and expected in (None, self.epoch)  # type: ignore[arg-type]

        def work(editor: JobEditor) -> None:
            if with_progress:
                editor.progress(stage_pb2.Progress(page=1))
            editor.transition(to, cause, "why", expected_epoch=expected)  # type: ignore[arg-type]

        async def attempt() -> None:
            if not locked:
                await self.store.change(REF, "x", work)
                return
            async with self.store.edit(REF, "x") as editor:
                work(editor)

        try:
            self.loop.run_until_complete(attempt())
        except EtudeError as error:
            assert not allowed
            assert error.reason == ("STALE_EPOCH" if expected not in (None, self.epoch) else "INVALID_STATE")
            return
        assert allowed
        if with_progress:
            self.events.append((self.state, self.epoch))
        self.state, self.epoch = to, self.epoch + 1  # type: ignore[assignment]
        self.events.append((self.state, self.epoch))

    @rule(stale=st.booleans())
    def note_progress(self, stale: bool) -> None:
        async def attempt() -> None:
            async with self.store.edit(REF, "x") as editor:
                editor.require_epoch(self.epoch - stale)
                editor.progress(stage_pb2.Progress(page=2))

        try:
            self.loop.run_until_complete(attempt())
        except EtudeError as error:
            assert stale
            assert error.reason == "STALE_EPOCH"
            return
        assert not stale
        self.events.append((self.state, self.epoch))

    @rule()
    def fail_half_way(self) -> None:
        async def attempt() -> None:
            async with self.store.edit(REF, "x") as editor:
                editor.remark(f"lost {next(self.remarks)}")
                await editor.save()
                raise RuntimeError

        try:
            self.loop.run_until_complete(attempt())
        except RuntimeError:
            return
        raise AssertionError

    @precondition(lambda self: len(self.events) % 5 == 0)
    @rule()
    def reopen(self) -> None:
        self.loop.run_until_complete(self.store.database.close())
        self.open()

    @invariant()
    def the_store_agrees(self) -> None:
        if not self.events:
            return

        async def look() -> tuple[job_pb2.Job, list[job_pb2.JobEvent]]:
            job = (await find_job(self.store.database, REF)).job
            _, events = await news_of_job(self.store.database, REF, after=0, limit=10_000)
            return job, list(events)

        job, events = self.loop.run_until_complete(look())
        assert (job.state, job.epoch, job.last_sequence) == (self.state, self.epoch, len(self.events))
        assert [event.sequence for event in events] == list(range(1, len(self.events) + 1))
        assert [(event.state, event.epoch) for event in events] == self.events
        assert job.HasField("complete_time") == (self.state in TERMINAL)
        assert not job.summary.remarks

    def teardown(self) -> None:
        if self.events:
            self.loop.run_until_complete(self.store.database.close())
        self.loop.close()
        self.directory.cleanup()


TestJobMachine = JobMachine.TestCase
TestJobMachine.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
