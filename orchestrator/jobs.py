"""What users do with jobs: create, cancel, retry, delete."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta

from sqlalchemy.exc import IntegrityError

from etude.job.v1 import artifact_service_pb2, job_pb2
from etude.job.v1.artifact_service_pb2 import ArtifactKind
from etude.media_types import EXTENSIONS, NAMES
from etude.mesh.errors import EtudeError
from etude.mesh.logging import get_logger
from etude.mesh.telemetry import inject_trace
from etude.stage.v1 import omr_service_pb2
from orchestrator import ids, metrics, naming
from orchestrator.admission import Admission
from orchestrator.aio import uninterrupted
from orchestrator.blobs.port import Upload
from orchestrator.caller import Caller
from orchestrator.engine.port import Engine, Run
from orchestrator.exchange import Content
from orchestrator.failures import is_of_storage
from orchestrator.intake import receive
from orchestrator.options import check_request_id, completed
from orchestrator.pipeline import PipelineRunner
from orchestrator.repositories.editor import JobEditor, NewArtifact
from orchestrator.repositories.jobs import JobRecord, JobRef, JobRepository, active_jobs, find_job
from orchestrator.repositories.locked import LockedJobEditor
from orchestrator.repositories.requests import Answer, RequestKey, find_answer, kept_answer
from orchestrator.repositories.standing import standing
from orchestrator.repositories.wire import now, timestamp
from orchestrator.stages import Stages
from orchestrator.states import (
    AT_REST,
    CANCELLED,
    FINGERING_FAILED,
    FINGERING_PROCESSING,
    OMR_FAILED,
    OMR_PROCESSING,
    PENDING,
    Cause,
    state_name,
)
from orchestrator.steps.reading import reading_options
from orchestrator.steps.rendering import formats_of
from orchestrator.store import Store

_log = get_logger(__name__)

#: Where a retried job goes on.
_RETRY_TARGETS = {OMR_FAILED: OMR_PROCESSING, FINGERING_FAILED: FINGERING_PROCESSING}


class Jobs:
    """The jobs, as their owners see them."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        runner: PipelineRunner,
        stages: Stages,
        *,
        max_upload_bytes: int,
        max_active_jobs: int,
        max_active_jobs_in_all: int,
    ) -> None:
        """Take files of at most `max_upload_bytes`, while a tenant has fewer than `max_active_jobs` under way and all
        have fewer than `max_active_jobs_in_all`."""
        self._store = store
        self._stages = stages
        self._engine = engine
        self._runner = runner
        self._max_upload_bytes = max_upload_bytes
        self._admission = Admission(store.database, of_tenant=max_active_jobs, in_all=max_active_jobs_in_all)

    async def create(
        self, caller: Caller, options: job_pb2.JobOptions, request_id: str, chunks: AsyncIterator[bytes]
    ) -> job_pb2.Job:
        """Take in a file and start a job on it. A refused file leaves nothing behind.

        Raises:
            EtudeError: RATE_LIMITED while too many jobs are under way, of the tenant or in all; JOB_NOT_FOUND for the
                job whose pins are wanted; INVALID_REQUEST, EMPTY_FILE, UNSUPPORTED_MEDIA_TYPE, FILE_TOO_LARGE,
                REQUEST_ID_REUSED, and what `Stages.inspect` raises.
        """
        request_id = check_request_id(request_id)
        stands = await standing(self._store.database, caller.tenant_id, caller.user_id)
        await self._admission.check(stands.active_jobs)  # before anything of the file is taken in
        if options.pins_from_job_id:
            await find_job(self._store.database, caller.job(options.pins_from_job_id), user_id=caller.user_id)
        effective = completed(options, stands.preferences)
        async with self._store.blobs.upload() as upload:
            media_type = await receive(chunks, upload, limit_bytes=self._max_upload_bytes)
            # Over what was asked, not over what became of it: preferences may change between two attempts of a client.
            asked = options.SerializeToString(deterministic=True) + upload.sha256.encode()
            key = RequestKey(
                caller.tenant_id, caller.user_id, "CreateJob", request_id, hashlib.sha256(asked).hexdigest()
            )
            job = _new_job(caller, effective, media_type, upload)
            _check_formats(job)
            source = NewArtifact(_source_artifact(job), _source_key(job), content=await self._inline(upload))
            inspected = await self._take_in(job, upload, source)
            if inspected is not None:
                job.summary.page_count = inspected.page_count
            return await uninterrupted(self._record(job, source, key))

    async def _inline(self, upload: Upload) -> bytes | None:
        """The bytes of a file that is small enough to be stored with its row."""
        if upload.size_bytes > self._store.inline_bytes:
            return None
        return b"".join([chunk async for chunk in upload.read()])

    async def _take_in(
        self, job: job_pb2.Job, upload: Upload, source: NewArtifact
    ) -> omr_service_pb2.InspectResponse | None:
        """What a document is, which is stored meanwhile unless it is small: both take a while, and few are refused.

        Raises:
            EtudeError: What `Stages.inspect` raises; nothing is stored then.
        """
        content = Content(upload.read, upload.size_bytes)
        if source.content is not None:
            inspected = await self._stages.inspect(reading_options(job), content)
            await asyncio.sleep(0)  # as below
            return inspected
        storing = asyncio.create_task(upload.commit(source.blob_key))
        try:
            inspected = await self._stages.inspect(reading_options(job), content)
            await asyncio.shield(storing)
            # grpc.aio shows a handler the cancellation of its call as the end of the requests, and cancels the handler
            # a moment later. Storing gives that moment: a broken-off upload must not become a job.
            await asyncio.sleep(0)
        except BaseException:
            await asyncio.wait([storing])
            if (error := storing.exception()) is not None:
                _log.info("a file that was refused could not be stored either", error=str(error))
            await self._store.blobs.delete(source.blob_key)
            raise
        return inspected

    async def _record(self, job: job_pb2.Job, source: NewArtifact, key: RequestKey) -> job_pb2.Job:
        """Write the row of a job, and start it; or find the job of the same request.

        Raises:
            EtudeError: REQUEST_ID_REUSED.
        """
        record = JobRecord(job, inject_trace())
        editor = JobEditor(record, f"user:{key.user_id}", new=True)
        editor.created("the job was created")
        stored_source = editor.add_artifact(source)
        created = record.copy().job
        hand_over = self._runner.begin_first(editor, [stored_source])
        run = Run(record.ref, created.attempt, created.epoch)
        creating = asyncio.create_task(self._store.create(editor, *kept_answer(key, Answer(job.job_id, b""))))
        await asyncio.sleep(0)  # it comes as far as the database
        runs = hand_over(creating)
        if runs:
            await self._engine.submit(run)
        try:
            await creating
        except IntegrityError:
            if source.content is None:
                await self._store.blobs.delete(source.blob_key)
            answer = await find_answer(self._store.database, key)
            if answer is None:
                raise  # nobody asked before: it is something else
            return (await find_job(self._store.database, JobRef(key.tenant_id, answer.job_id))).job
        metrics.JOBS_CREATED.inc()
        self._admission.taken()
        if not runs:
            hand_over(creating)
            await self._engine.submit(run)
        return created

    async def cancel(self, caller: Caller, job_id: str, reason: str) -> job_pb2.Job:
        """Stop a job for good, and the stage that works on it.

        Raises:
            EtudeError: JOB_NOT_FOUND; INVALID_STATE for a terminal job.
        """
        return await uninterrupted(self._cancel(caller, job_id, reason))

    async def _cancel(self, caller: Caller, job_id: str, reason: str) -> job_pb2.Job:
        async with self._store.edit(caller.job(job_id), caller.actor, user_id=caller.user_id) as editor:
            editor.transition(CANCELLED, Cause.CANCEL, reason.strip()[:1000] or "cancelled by its owner")
            await editor.cancel_steps()
        await self._engine.interrupt(job_id)
        metrics.JOBS_RESTED.labels(state_name(CANCELLED)).inc()
        return editor.job

    async def retry(self, caller: Caller, job_id: str, request_id: str) -> job_pb2.Job:
        """Start a failed job again, from the failed stage on.

        Raises:
            EtudeError: RATE_LIMITED while too many jobs are under way, of the tenant or in all; JOB_NOT_FOUND;
                INVALID_STATE unless the job is in OMR_FAILED or FINGERING_FAILED; REQUEST_ID_REUSED.
        """
        digest = hashlib.sha256(job_id.encode()).hexdigest()
        key = RequestKey(caller.tenant_id, caller.user_id, "RetryJob", check_request_id(request_id), digest)
        if await find_answer(self._store.database, key) is None:
            stands = await standing(self._store.database, caller.tenant_id, caller.user_id)
            await self._admission.check(stands.active_jobs)
        return await uninterrupted(self._retry(caller, job_id, key))

    async def _retry(self, caller: Caller, job_id: str, key: RequestKey) -> job_pb2.Job:
        ref = caller.job(job_id)
        async with self._store.database.write() as connection:
            editor = await LockedJobEditor.open(connection, ref, caller.actor, caller.user_id)
            if await find_answer(connection, key) is not None:
                return editor.job
            target = _RETRY_TARGETS.get(editor.job.state)
            if target is None:
                state = state_name(editor.job.state)
                raise EtudeError(
                    "INVALID_STATE",
                    f"a job in {state} cannot be retried; only OMR_FAILED and FINGERING_FAILED can",
                    metadata={"state": state},
                )
            editor.restart(inject_trace())
            editor.transition(target, Cause.RETRY, "the owner asked to try again")
            job = await editor.save()
            await connection.apply(kept_answer(key, Answer(job_id, b"")))
        self._store.committed(editor)
        self._admission.taken()
        await self._engine.submit(Run(ref, job.attempt, job.epoch))
        return job

    async def delete(self, caller: Caller, job_id: str) -> None:
        """Remove a job that is at rest, with its artifacts and events.

        Raises:
            EtudeError: JOB_NOT_FOUND; INVALID_STATE for a job that runs.
        """
        await uninterrupted(self._delete(caller, job_id))

    async def _delete(self, caller: Caller, job_id: str) -> None:
        async with self._store.database.write() as connection:
            repository = JobRepository(connection, caller.tenant_id)
            record = await repository.get(job_id, user_id=caller.user_id, lock=True)
            if record.job.state not in AT_REST:
                state = state_name(record.job.state)
                raise EtudeError(
                    "INVALID_STATE",
                    f"the job is in {state}; cancel it before deleting it",
                    metadata={"state": state},
                )
            await repository.delete(job_id)
        self._store.notifier.publish(job_id, None)
        # Rows first: bytes without a row are swept, a row without bytes would be a lie.
        async for info in self._store.blobs.scan(f"jobs/{job_id}/"):
            await self._store.blobs.delete(info.key)
        await self._engine.forget(job_id)

    async def resume(self, *, unchanged_for: timedelta = timedelta(0)) -> int:
        """See to it that jobs that are not at rest are driven; the number of those that were not.

        The engine goes on by itself with the runs it knows of. A job without one lost its process before the engine
        wrote its run down.

        Args:
            unchanged_for: Leave alone what was changed since: it may be just about to be driven.
        """
        async with self._store.database.read() as connection:
            active = await active_jobs(connection, unchanged_since=now() - unchanged_for)
        if not active:
            return 0
        known = await self._engine.pending()
        lost = [record for record in active if record.job.job_id not in known]
        revived = [await self._engine.revive(Run(r.ref, r.job.attempt, r.job.epoch)) for r in lost]
        return sum(revived)

    async def keep_driven(self, *, every_s: float = 20.0) -> None:
        """Look for jobs that nobody drives, until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            try:
                lost = await self.resume(unchanged_for=timedelta(seconds=every_s))
            except Exception as error:
                if not is_of_storage(error):
                    raise
                _log.warning("jobs that nobody drives could not be looked for", error=str(error))
            else:
                if lost:
                    _log.warning("jobs were driven by nobody and go on", jobs=lost)


def _new_job(caller: Caller, options: job_pb2.JobOptions, media_type: str, upload: Upload) -> job_pb2.Job:
    created = timestamp(now())
    if not options.filename:
        options.filename = f"score.{EXTENSIONS[media_type]}"
    return job_pb2.Job(
        job_id=ids.new_id(),
        tenant_id=caller.tenant_id,
        user_id=caller.user_id,
        state=PENDING,
        options=options,
        source=job_pb2.JobSource(
            filename=options.filename, media_type=media_type, size_bytes=upload.size_bytes, sha256=upload.sha256
        ),
        summary=job_pb2.JobSummary(),
        epoch=1,
        attempt=1,
        create_time=created,
        update_time=created,
    )


def _check_formats(job: job_pb2.Job) -> None:
    """Refuses a job of which nothing would come.

    Raises:
        EtudeError: INVALID_REQUEST.
    """
    if not formats_of(job):
        name = NAMES[job.source.media_type]
        why = f"an annotated PDF is made of the pages of a PDF or of pictures; this file is {name}"
        raise EtudeError("INVALID_REQUEST", f"{why}: ask for another format", violations=[("options.formats", why)])


def _source_artifact(job: job_pb2.Job) -> artifact_service_pb2.Artifact:
    kind = ArtifactKind.ARTIFACT_KIND_SOURCE
    return artifact_service_pb2.Artifact(
        artifact_id=ids.artifact_id(job.job_id, ArtifactKind.Name(kind), -1, 0, 1, job.source.sha256),
        kind=kind,
        score_index=-1,
        revision=1,
        filename=job.source.filename,
        media_type=job.source.media_type,
        size_bytes=job.source.size_bytes,
        sha256=job.source.sha256,
        uncertainty_policy=job.options.uncertainty_policy,
    )


def _source_key(job: job_pb2.Job) -> str:
    source = _source_artifact(job)
    return naming.blob_key(job.job_id, source.artifact_id, source.kind)
