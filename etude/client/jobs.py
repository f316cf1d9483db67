"""The client's calls about jobs."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from datetime import timedelta
from typing import Any

import grpc

from etude.client.calls import Calls, jittered
from etude.client.names import FAILED_STATES, RESTING_STATES
from etude.client.source import Source, SourceLike, open_source
from etude.job.v1 import job_pb2, job_service_pb2, job_service_pb2_grpc
from etude.mesh.errors import EtudeError, from_status
from etude.stage.v1 import fingering_service_pb2

UPLOAD_TIMEOUT_S = 600.0
RECONNECT_S = 120.0
"""How long a watch keeps looking for a server that has gone away."""

_UPLOAD_DELAYS_S = (0.2, 0.5, 1.0, 2.0)
_HEARING_S = 0.3
"""How long a server that refused an upload without a word is given to say why before the file is sent again: grpc.aio
loses the status of a call that ends while it is written to."""
_log = logging.getLogger(__name__)

EventHandler = Callable[[job_pb2.JobEvent], Any]


class JobCalls(Calls):
    """Calls of JobService."""

    @property
    def _jobs(self) -> job_service_pb2_grpc.JobServiceAsyncStub:
        return job_service_pb2_grpc.JobServiceStub(self.channel)

    async def create_job(
        self,
        source: SourceLike,
        options: job_pb2.JobOptions | None = None,
        *,
        request_id: str = "",
        timeout_s: float = UPLOAD_TIMEOUT_S,
    ) -> job_pb2.Job:
        """Sends a document and gives the job back as soon as the mesh has stored it.

        Args:
            source: Path, bytes, or a binary file that can seek.
            options: What to do; `options.filename` is told from the source when empty.
            request_id: Makes the call idempotent: a second call with it gives the first one's job. A new one is made
                when left out, so that an attempt cut off by the network is never done twice.
            timeout_s: Longest wait for an attempt.

        Raises:
            EtudeError: INVALID_REQUEST, EMPTY_FILE, UNSUPPORTED_MEDIA_TYPE, CORRUPT_FILE, ENCRYPTED_FILE, NO_PAGES,
                FILE_TOO_LARGE, TOO_MANY_PAGES, PAGE_SIZE, REQUEST_ID_REUSED, DEPENDENCY_UNAVAILABLE.
        """
        wanted = job_pb2.JobOptions()
        if options is not None:
            wanted.CopyFrom(options)
        document = open_source(source, wanted.filename)
        wanted.filename = document.filename
        create = job_service_pb2.CreateJobOptions(options=wanted, request_id=request_id or str(uuid.uuid4()))
        whole = await document.whole()
        hearing_s = 0.0
        for delay_s in (*_UPLOAD_DELAYS_S, None):
            try:
                job = None if whole is None else await self._submit(create, whole, timeout_s)
                return job or await self._send(create, document, timeout_s, hearing_s)
            except EtudeError as error:
                if error.code is not grpc.StatusCode.UNAVAILABLE or delay_s is None:
                    raise
                await asyncio.sleep(jittered(delay_s))
                hearing_s = _HEARING_S
        raise AssertionError("the last attempt returns or raises")

    async def _submit(
        self, create: job_service_pb2.CreateJobOptions, content: bytes, timeout_s: float
    ) -> job_pb2.Job | None:
        """One attempt with a file that fits into one message; None from a server that does not know the call."""
        request = job_service_pb2.SubmitJobRequest(create=create, content=content)
        try:
            return (await self._jobs.SubmitJob(request, timeout=timeout_s, metadata=self.metadata)).job
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                return None
            raise self.error(error) from error

    async def _send(
        self, create: job_service_pb2.CreateJobOptions, document: Source, timeout_s: float, hearing_s: float
    ) -> job_pb2.Job:
        """One attempt; listens for a refusal of its first message for `hearing_s` before it sends the file."""
        # No iterator: an exception in one would be swallowed by gRPC; what is written by hand fails here.
        call = self._jobs.CreateJob(None, timeout=timeout_s, metadata=self.metadata)
        try:
            try:
                await call.write(job_service_pb2.CreateJobRequest(create=create))
                await _ended(call, hearing_s)
                async with aclosing(document.chunks()) as chunks:
                    async for chunk in chunks:
                        await call.write(job_service_pb2.CreateJobRequest(chunk=chunk))
                await call.done_writing()
            except (asyncio.InvalidStateError, grpc.aio.AioRpcError):
                # The server answered before it had the whole file; its answer says why and comes from `await call`.
                pass
            return (await call).job
        except grpc.aio.AioRpcError as error:
            raise self.error(error) from error
        finally:
            call.cancel()

    async def get_job(self, job_id: str) -> job_pb2.Job:
        """One job.

        Raises:
            EtudeError: JOB_NOT_FOUND.
        """
        return (await self.unary(self._jobs.GetJob, job_service_pb2.GetJobRequest(job_id=job_id))).job

    async def list_jobs_page(
        self, *, states: Iterable[job_pb2.JobState.ValueType] = (), page_size: int = 0, page_token: str = ""
    ) -> job_service_pb2.ListJobsResponse:
        """One page of jobs, newest first, with the token of the next page."""
        request = job_service_pb2.ListJobsRequest(states=states, page_size=page_size, page_token=page_token)
        return await self.unary(self._jobs.ListJobs, request)

    async def list_jobs(
        self, *, states: Iterable[job_pb2.JobState.ValueType] = (), page_size: int = 0
    ) -> AsyncIterator[job_pb2.Job]:
        """All jobs, newest first; pages are asked for as they are needed."""
        wanted = tuple(states)
        token = ""
        while True:
            page = await self.list_jobs_page(states=wanted, page_size=page_size, page_token=token)
            for job in page.jobs:
                yield job
            token = page.next_page_token
            if not token:
                return

    async def watch_job(
        self, job_id: str, *, after_sequence: int = 0, reconnect_s: float = RECONNECT_S
    ) -> AsyncIterator[job_pb2.JobEvent]:
        """Events of a job as they come, until it is at rest.

        A connection that breaks is opened again where it stopped: no event is lost or given twice.

        Args:
            job_id: The job.
            after_sequence: Only events with a higher sequence number.
            reconnect_s: How long to look for a server that has gone away.

        Raises:
            EtudeError: JOB_NOT_FOUND; DEPENDENCY_UNAVAILABLE when the server does not come back in time.
        """
        news = self.watch_news(job_id, after_sequence=after_sequence, reconnect_s=reconnect_s)
        async with aclosing(news):
            async for new in news:
                if isinstance(new, job_pb2.JobEvent):
                    yield new

    async def watch_news(
        self,
        job_id: str,
        *,
        after_sequence: int = 0,
        heartbeat_s: float = 15.0,
        reconnect_s: float = RECONNECT_S,
    ) -> AsyncGenerator[job_pb2.JobEvent | job_service_pb2.Heartbeat, None]:
        """As `watch_job`, with the heartbeats between the events."""
        cursor = after_sequence
        clock = asyncio.get_running_loop().time
        last_contact = clock()
        attempt = 0
        while True:
            request = job_service_pb2.WatchJobRequest(job_id=job_id, after_sequence=cursor, batch_events=True)
            request.heartbeat_interval.FromTimedelta(timedelta(seconds=heartbeat_s))
            call = self._jobs.WatchJob(request, metadata=self.metadata)
            state = job_pb2.JOB_STATE_UNSPECIFIED
            try:
                async for response in call:
                    last_contact, attempt = clock(), 0
                    for event in _events_of(response):
                        if event.sequence > cursor:
                            cursor, state = event.sequence, event.state
                            yield event
                    if response.HasField("heartbeat"):
                        yield response.heartbeat
                if state in RESTING_STATES or await self._rests_at(job_id, cursor):
                    return
            except (grpc.aio.AioRpcError, EtudeError) as raised:
                error = raised if isinstance(raised, EtudeError) else self.error(raised)
                if error.code is not grpc.StatusCode.UNAVAILABLE or clock() - last_contact > reconnect_s:
                    raise error from raised
            finally:
                call.cancel()
            await asyncio.sleep(jittered(min(0.1 * 2**attempt, 3.0)))
            attempt += 1

    async def _rests_at(self, job_id: str, sequence: int) -> bool:
        """True when a job is at rest and has no event after `sequence`."""
        job = await self.get_job(job_id)
        return job.state in RESTING_STATES and job.last_sequence <= sequence

    async def wait(
        self, job_id: str, *, timeout_s: float | None = None, on_event: EventHandler | None = None
    ) -> job_pb2.Job:
        """Waits until a job is at rest, in whatever state, and gives it back.

        Args:
            job_id: The job.
            timeout_s: Longest wait; None for none.
            on_event: Called with each event.

        Raises:
            EtudeError: JOB_NOT_FOUND; TIME_LIMIT when the wait was too long (the job goes on).
        """
        try:
            async with asyncio.timeout(timeout_s):
                async for event in self.watch_job(job_id):
                    if on_event is not None:
                        on_event(event)
                return await self.get_job(job_id)
        except TimeoutError as error:
            raise EtudeError(
                "TIME_LIMIT", f"The job {job_id} is not finished after {timeout_s:g} s; it goes on, wait again."
            ) from error

    async def cancel(self, job_id: str, reason: str = "") -> job_pb2.Job:
        """Cancels a job that is not finished.

        Raises:
            EtudeError: JOB_NOT_FOUND, INVALID_STATE.
        """
        request = job_service_pb2.CancelJobRequest(job_id=job_id, reason=reason)
        return (await self.unary(self._jobs.CancelJob, request)).job

    async def retry(self, job_id: str, *, request_id: str = "") -> job_pb2.Job:
        """Starts a job whose reading or fingering failed again, from the failed stage on.

        Raises:
            EtudeError: JOB_NOT_FOUND, INVALID_STATE.
        """
        request = job_service_pb2.RetryJobRequest(job_id=job_id, request_id=request_id or str(uuid.uuid4()))
        return (await self.unary(self._jobs.RetryJob, request)).job

    async def delete(self, job_id: str) -> None:
        """Deletes a job at rest with all it made.

        Raises:
            EtudeError: JOB_NOT_FOUND, INVALID_STATE.
        """
        await self.unary(self._jobs.DeleteJob, job_service_pb2.DeleteJobRequest(job_id=job_id))

    async def update_fingering(
        self,
        job_id: str,
        pins: Iterable[fingering_service_pb2.PinnedFingering] = (),
        *,
        unpin_note_ids: Iterable[str] = (),
        score_index: int = 0,
        request_id: str = "",
        timeout_s: float = UPLOAD_TIMEOUT_S,
    ) -> job_service_pb2.UpdateFingeringResponse:
        """Pins fingers of a completed job; the rest is fingered anew around them, into new artifacts.

        Raises:
            EtudeError: JOB_NOT_FOUND, INVALID_STATE, INVALID_CONSTRAINT, IMPOSSIBLE_CONSTRAINT.
        """
        request = job_service_pb2.UpdateFingeringRequest(
            job_id=job_id,
            pins=pins,
            unpin_note_ids=unpin_note_ids,
            score_index=score_index,
            request_id=request_id or str(uuid.uuid4()),
        )
        return await self.unary(self._jobs.UpdateFingering, request, timeout_s=timeout_s)

    async def cancel_quietly(self, job_id: str, reason: str) -> None:
        """Cancels a job on the way out of a failure, which must stay the error that is seen."""
        try:
            async with asyncio.timeout(2.0):
                await self.cancel(job_id, reason)
        except (EtudeError, TimeoutError) as error:
            _log.debug("the job could not be cancelled", extra={"job_id": job_id, "error": str(error)})

    async def delete_quietly(self, job_id: str) -> None:
        """Deletes a job on the way out of a failure, which must stay the error that is seen."""
        try:
            async with asyncio.timeout(2.0):
                await self.delete(job_id)
        except (EtudeError, TimeoutError) as error:
            _log.debug("the job could not be deleted", extra={"job_id": job_id, "error": str(error)})


def raise_for_state(job: job_pb2.Job) -> None:
    """Raises the error of a job that did not complete; does nothing for any other job.

    Raises:
        EtudeError: The job's own error; CANCELLED for a cancelled job.
    """
    if job.state not in FAILED_STATES:
        return
    if job.HasField("error") and job.error.code:
        raise from_status(job.error)
    if job.state == job_pb2.JOB_STATE_CANCELLED:
        raise EtudeError("CANCELLED", "The job was cancelled.")
    raise EtudeError("INTERNAL", f"The job {job.job_id} failed without saying why; look into the server's log.")


def _events_of(response: job_service_pb2.WatchJobResponse) -> Sequence[job_pb2.JobEvent]:
    """The events in a message of a watch; a server that does not know `batch_events` sends them one by one."""
    if response.HasField("event"):
        return [response.event]
    return response.events.events


async def _ended(call: grpc.aio.StreamUnaryCall[Any, Any], seconds: float) -> None:
    """Waits until a call has ended, or for so long."""
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    while not call.done() and clock() < until:  # noqa: ASYNC110  # what it could wait for would end with the call
        await asyncio.sleep(0.01)
