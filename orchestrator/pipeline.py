"""The pipeline of a job, as a list of steps in data-flow order, and what it means to run one of them.

A step may be run more than once: after a crash, the engine runs the one in flight again. What makes that safe: a step
looks at the job's state first and leaves a finished stage alone; beginning again bumps the epoch, so that whoever may
still be at it is refused; and a stage's artifacts, their lineage and the change of state become visible in one
transaction, under ids made from the content.

That transaction may take a while to be on the disk. The next step works beside it: a stage changes nothing, so when the
transaction fails, what the stage does is left. Nothing of the step is written or told before. And it does not while
somebody else may have taken the job over: its transaction would be refused then, and the stage's work done twice.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Status, StatusCode

from etude.job.v1.job_pb2 import JobState
from etude.mesh.errors import EtudeError, to_status
from etude.mesh.logging import bound_context, get_logger
from etude.mesh.telemetry import current_trace_id, extract_trace
from etude.stage.v1.stage_pb2 import Progress
from orchestrator import metrics
from orchestrator.aio import abandoned, beside
from orchestrator.failures import is_of_storage
from orchestrator.fairness import FairPlaces
from orchestrator.handovers import Begun, Handovers, Start, created, succeeded
from orchestrator.lease import Lease
from orchestrator.progress import ProgressRecorder
from orchestrator.repositories.artifacts import ArtifactRepository, StoredArtifact
from orchestrator.repositories.editor import JobEditor
from orchestrator.repositories.jobs import JobRef
from orchestrator.settings import OrchestratorSettings
from orchestrator.states import (
    AT_REST,
    COMPLETED,
    FAILED,
    FINGERING_COMPLETED,
    FINGERING_FAILED,
    FINGERING_PROCESSING,
    OMR_COMPLETED,
    OMR_FAILED,
    OMR_PROCESSING,
    PENDING,
    RENDERING_PROCESSING,
    Cause,
    state_name,
)
from orchestrator.steps.base import Outcome, Report, Task, Workshop
from orchestrator.steps.fingering import finger_scores
from orchestrator.steps.reading import read_document
from orchestrator.steps.rendering import render_scores

_log = get_logger(__name__)
_tracer = trace.get_tracer("etude.orchestrator")

#: Reasons that mean the job is somebody else's by now, or gone.
_NOT_OURS = frozenset({"STALE_EPOCH", "JOB_NOT_FOUND"})


@dataclass(frozen=True, slots=True)
class Step:
    """One stage of the pipeline, and the states it moves a job through."""

    name: str
    ready: JobState.ValueType
    processing: JobState.ValueType
    finished: JobState.ValueType
    failed: JobState.ValueType
    work: Callable[[Workshop, Task, Report], Coroutine[Any, Any, Outcome]]


PIPELINE: Sequence[Step] = (
    Step("omr", PENDING, OMR_PROCESSING, OMR_COMPLETED, OMR_FAILED, read_document),
    Step("fingering", OMR_COMPLETED, FINGERING_PROCESSING, FINGERING_COMPLETED, FINGERING_FAILED, finger_scores),
    Step("rendering", FINGERING_COMPLETED, RENDERING_PROCESSING, COMPLETED, FAILED, render_scores),
)


def is_past(step: Step, state: JobState.ValueType) -> bool:
    """True when a job in this state has the step behind it and is on its way."""
    later = PIPELINE[PIPELINE.index(step) + 1 :]
    return state not in AT_REST and any(state in (other.ready, other.processing) for other in later)


def _started(editor: JobEditor, artifacts: Sequence[StoredArtifact], begun: Begun = Begun.OURS) -> Start:
    record = editor.record.copy()
    return Start(begun, Task(record.job, artifacts), record.trace_context)


def _following(step: Step) -> Step | None:
    """The step after this one, if there is one."""
    return next(iter(PIPELINE[PIPELINE.index(step) + 1 :]), None)


def _preceding(step: Step) -> Step | None:
    """The step before this one, if there is one."""
    return next(iter(PIPELINE[: PIPELINE.index(step)][::-1]), None)


def _start_step(editor: JobEditor, step: Step) -> None:
    """Begin a step of a job that is ready for it."""
    editor.begin_step(step.name)
    editor.transition(step.processing, Cause.START, f"the {step.name} stage begins")
    if step is PIPELINE[0]:
        waited = editor.time.timestamp() - editor.job.create_time.ToDatetime(editor.time.tzinfo).timestamp()
        metrics.QUEUE_SECONDS.observe(max(0.0, waited))


class PipelineRunner:
    """Runs steps of jobs, at most so many at one stage at a time; tenants take turns."""

    def __init__(self, workshop: Workshop, settings: OrchestratorSettings, lease: Lease) -> None:
        self._workshop = workshop
        self._lease = lease
        self._store = workshop.store
        self._settings = settings
        self._actor = f"orchestrator:{settings.executor_id}"
        self._handovers = Handovers()
        self._places = {step.name: FairPlaces(settings.stage_concurrency) for step in PIPELINE}

    async def run(self, ref: JobRef, step: Step) -> bool:
        """Run one step of a job; True when the next one may follow.

        Whatever goes wrong with the work ends up in the job. Cancellation leaves the job as it is.

        Raises:
            sqlalchemy.exc.SQLAlchemyError, OSError: The orchestrator's own memory fails (`failures.is_of_storage`). The
                step is not at its end, or it is and nobody could tell us: run it again.
        """
        done = await self._run_now(ref, step)
        # None: the end of the step before could not be noted.
        while done is None and (before := _preceding(step)) is not None:
            done = await self.run(ref, before) and await self._run_now(ref, step)
        return bool(done)

    async def _run_now(self, ref: JobRef, step: Step) -> bool | None:
        """Run a step as `run` does; None, and nothing is done, where the step before is still under way."""
        with bound_context(job_id=ref.job_id):
            async with self._places[step.name].place(ref.tenant_id):
                try:
                    start = self._handovers.take(step.name, ref.job_id) or await self._begin(ref, step)
                except EtudeError as error:
                    if error.reason not in _NOT_OURS:
                        raise
                    return False
                if start.begun is Begun.NOT_YET:
                    return None
                if start.begun is not Begun.OURS:
                    return start.begun is Begun.DONE_BEFORE
                job = start.task.job
                with _tracer.start_as_current_span(
                    f"job.{step.name}",
                    context=extract_trace(start.trace_context),
                    attributes={"etude.job_id": job.job_id, "etude.stage": step.name, "etude.attempt": job.attempt},
                    record_exception=False,
                    set_status_on_exception=False,
                ):
                    return await self._run(ref, step, start)

    def begin_first(
        self, editor: JobEditor, artifacts: Sequence[StoredArtifact]
    ) -> Callable[[asyncio.Task[None]], bool]:
        """Begin the first step of a job in the transaction that creates it, when its stage has room.

        Args:
            editor: Of the new job, with all that is to be told of its creation.
            artifacts: The job's artifacts.

        Returns:
            What to call with that transaction once it is under way, and says whether the job may be run already; where
            not, to be called again once it is committed, before the job is run.
        """
        first = PIPELINE[0]
        start = None if self._places[first.name].is_full() else self._begin_ahead(editor, first, artifacts)

        def hand_over(creating: asyncio.Task[None]) -> bool:
            if creating.done():
                ready, committing = succeeded(creating), creating
            elif ready := start is not None and self._lease.holds():
                committing = asyncio.create_task(created(creating))
            if ready and start is not None:
                self._handovers.put(first.name, start, committing)
            return ready

        return hand_over

    def _begin_ahead(self, editor: JobEditor, step: Step, artifacts: Sequence[StoredArtifact]) -> Start:
        """Begin a step before its run comes to it."""
        with editor.on_behalf_of(self._actor):
            _start_step(editor, step)
        return _started(editor, artifacts)

    async def _begin(self, ref: JobRef, step: Step) -> Start:
        begun = Begun.OURS
        async with self._store.edit(ref, self._actor) as editor:
            job = editor.job
            if job.state == step.ready:
                _start_step(editor, step)
            elif job.state == step.processing:
                runs = await editor.begin_step_again(step.name)
                if runs >= self._settings.step_runs_limit:
                    reason = f"the {step.name} stage was begun {runs} times and never ended; the job is given up"
                    error = to_status(EtudeError("WORKER_DIED", reason, metadata={"stage": step.name}))
                    editor.transition(FAILED, Cause.ABANDON, reason, error=error)
                    editor.end_step(step.name, "FAILED", "WORKER_DIED")
                    begun = Begun.NOT_OURS
                elif runs > 0:
                    editor.transition(
                        step.processing, Cause.TAKEOVER, f"the {step.name} stage begins again after an interruption"
                    )
            else:
                before = _preceding(step)
                begun = Begun.DONE_BEFORE if is_past(step, job.state) else Begun.NOT_OURS
                if before is not None and job.state == before.processing:
                    begun = Begun.NOT_YET
            ours = begun is Begun.OURS
            artifacts = await ArtifactRepository(editor.connection, ref.tenant_id).of_job(ref.job_id) if ours else ()
            return _started(editor, artifacts, begun)

    async def _run(self, ref: JobRef, step: Step, start: Start) -> bool:
        task, committing = start.task, start.committing
        epoch = task.job.epoch

        async def write(batch: Sequence[Progress]) -> None:
            def noted(editor: JobEditor) -> None:
                editor.require_epoch(epoch)
                for progress in batch:
                    editor.progress(progress)

            try:
                if committing is not None:
                    await asyncio.wait([committing])  # how it went is for the step itself to see
                await self._store.change(ref, self._actor, noted)
            except Exception as error:
                if not is_of_storage(error):
                    raise
                _log.warning("progress could not be noted", stage=step.name, error=str(error))

        recorder = ProgressRecorder(step.name, write, self._settings.progress_interval_seconds)
        started = time.perf_counter()
        outcome_label = "cancelled"
        metrics.STAGES_RUNNING.labels(step.name).inc()
        try:
            outcome = await beside(committing, step.work(self._workshop, task, recorder.report))
            await self._finish(ref, step, task, outcome, await recorder.finish())
            outcome_label = "finished"
            return True
        except EtudeError as error:
            if error.reason in _NOT_OURS:
                return False
            if is_of_storage(error):
                outcome_label = "interrupted"
                raise
            outcome_label = "failed"
            await recorder.abandon()
            await self._fail(ref, step, epoch, error)
            return False
        except Exception as error:
            if is_of_storage(error):
                outcome_label = "interrupted"
                raise
            outcome_label = "failed"
            _log.exception("unexpected error in a step", stage=step.name)
            trace.get_current_span().record_exception(error)
            await recorder.abandon()
            await self._fail(ref, step, epoch, error)
            return False
        finally:
            await recorder.abandon()
            metrics.STAGES_RUNNING.labels(step.name).dec()
            metrics.STAGE_SECONDS.labels(step.name, outcome_label).observe(time.perf_counter() - started)

    async def _finish(
        self, ref: JobRef, step: Step, task: Task, outcome: Outcome, progress: Sequence[Progress]
    ) -> None:
        """Note what a step made; begin the next one in the same transaction when its stage has room.

        Comes back as soon as the next step can work: the transaction may still be under way, for the next step to see
        how it went (`Start.committing`).
        """
        following, epoch = _following(step), task.job.epoch
        if following is not None and self._places[following.name].is_full():
            following = None
        ahead: list[Start] = []  # all that is in it is the same whenever `finished` is called and does not raise

        def finished(editor: JobEditor) -> None:
            editor.require_epoch(epoch)
            for each in progress:
                editor.progress(each)
            remarks = list(editor.job.summary.remarks)
            editor.job.summary.CopyFrom(outcome.summary)
            del editor.job.summary.remarks[:]
            editor.job.summary.remarks.extend(remarks)
            for remark in outcome.remarks:
                editor.remark(remark)
            made = [editor.add_artifact(artifact) for artifact in outcome.artifacts]
            editor.transition(step.finished, Cause.FINISH, outcome.message, expected_epoch=epoch)
            editor.end_step(step.name, "FINISHED")
            if following is not None:
                ahead.append(self._begin_ahead(editor, following, [*task.artifacts, *made]))

        committing = asyncio.create_task(self._commit(ref, step, outcome, finished))
        try:
            await asyncio.sleep(0)  # it comes as far as the database
            if not ahead or not self._lease.holds() or committing.done():
                await committing
        except BaseException:
            await abandoned(committing)
            raise
        if following is None:
            return
        self._handovers.put(following.name, ahead[-1], committing)

    async def _commit(self, ref: JobRef, step: Step, outcome: Outcome, finished: Callable[[JobEditor], None]) -> None:
        await self._store.change(ref, self._actor, finished)
        _log.info("stage finished", stage=step.name, outcome=outcome.message)
        if step.name == "omr":
            metrics.PAGES_READ.labels("read").inc(outcome.summary.pages_read)
            metrics.PAGES_READ.labels("failed").inc(outcome.summary.pages_failed)
        if step.finished in AT_REST:
            metrics.JOBS_RESTED.labels(state_name(step.finished)).inc()

    async def _fail(self, ref: JobRef, step: Step, epoch: int, error: Exception) -> None:
        status = to_status(error, trace_id=current_trace_id())
        reason = error.reason if isinstance(error, EtudeError) else "INTERNAL"
        trace.get_current_span().set_status(Status(StatusCode.ERROR, reason))

        def failed(editor: JobEditor) -> None:
            editor.transition(step.failed, Cause.FAIL, status.message, expected_epoch=epoch, error=status)
            editor.end_step(step.name, "FAILED", reason)

        try:
            await self._store.change(ref, self._actor, failed)
        except EtudeError as refused:
            if refused.reason not in _NOT_OURS:
                raise
            return  # cancelled or deleted while it failed: the failure is nobody's concern any more
        metrics.JOBS_RESTED.labels(state_name(step.failed)).inc()
        _log.warning("stage failed", stage=step.name, reason=reason, error=status.message)
