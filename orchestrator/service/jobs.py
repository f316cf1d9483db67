"""JobService."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc.aio

from etude.job.v1 import job_service_pb2, job_service_pb2_grpc
from etude.mesh.calls import drain_started
from etude.mesh.errors import EtudeError
from orchestrator import paging
from orchestrator.corrections import Corrections
from orchestrator.identity.principal import current_caller
from orchestrator.jobs import Jobs
from orchestrator.repositories.jobs import JobRepository, find_job
from orchestrator.store import Store
from orchestrator.watching import watch_job

_Context = grpc.aio.ServicerContext[Any, Any]
_HEARTBEAT_S = 15.0
_PAGE_SIZE = 50


class JobService(job_service_pb2_grpc.JobServiceServicer):
    """See proto/etude/job/v1/job_service.proto."""

    def __init__(self, store: Store, jobs: Jobs, corrections: Corrections) -> None:
        self._store = store
        self._jobs = jobs
        self._corrections = corrections

    async def CreateJob(
        self, request_iterator: AsyncIterator[job_service_pb2.CreateJobRequest], context: _Context
    ) -> job_service_pb2.CreateJobResponse:
        """Create a job."""
        caller = current_caller()
        first = await anext(aiter(request_iterator), None)
        if first is None or not first.HasField("create"):
            raise EtudeError("INVALID_REQUEST", "the first message of the call must hold the options (create)")
        job = await self._jobs.create(caller, first.create.options, first.create.request_id, _chunks(request_iterator))
        return job_service_pb2.CreateJobResponse(job=job)

    async def SubmitJob(
        self, request: job_service_pb2.SubmitJobRequest, context: _Context
    ) -> job_service_pb2.SubmitJobResponse:
        """Create a job from a file that is here already."""
        caller = current_caller()
        if not request.HasField("create"):
            raise EtudeError("INVALID_REQUEST", "the request must hold the options (create)")
        create = request.create
        job = await self._jobs.create(caller, create.options, create.request_id, _whole(request.content))
        return job_service_pb2.SubmitJobResponse(job=job)

    async def GetJob(self, request: job_service_pb2.GetJobRequest, context: _Context) -> job_service_pb2.GetJobResponse:
        """One job."""
        caller = current_caller()
        record = await find_job(self._store.database, caller.job(request.job_id), user_id=caller.user_id)
        return job_service_pb2.GetJobResponse(job=record.job)

    async def ListJobs(
        self, request: job_service_pb2.ListJobsRequest, context: _Context
    ) -> job_service_pb2.ListJobsResponse:
        """Jobs, newest first."""
        caller = current_caller()
        size = paging.page_size(request.page_size, _PAGE_SIZE)
        question = f"ListJobs {caller} {sorted(set(request.states))}"
        position = paging.read_token(question, request.page_token, (int, str))
        before = None if position is None else (paging.from_microseconds(int(position[0])), str(position[1]))
        async with self._store.database.read() as connection:
            jobs = await JobRepository(connection, caller.tenant_id).list(
                caller.user_id, states=request.states, before=before, limit=size + 1
            )
        answer = job_service_pb2.ListJobsResponse(jobs=jobs[:size])
        if len(jobs) > size:
            last = jobs[size - 1]
            answer.next_page_token = paging.make_token(question, last.create_time.ToMicroseconds(), last.job_id)
        return answer

    async def WatchJob(
        self, request: job_service_pb2.WatchJobRequest, context: _Context
    ) -> AsyncIterator[job_service_pb2.WatchJobResponse]:
        """Events of a job as they come."""
        caller = current_caller()
        heartbeat_s = _HEARTBEAT_S
        if request.HasField("heartbeat_interval"):
            heartbeat_s = max(1.0, request.heartbeat_interval.ToNanoseconds() / 1e9)
        if request.after_sequence < 0:
            raise EtudeError(
                "INVALID_REQUEST", "after_sequence is negative", violations=[("after_sequence", "must not be negative")]
            )
        async for response in watch_job(
            self._store,
            caller,
            request.job_id,
            after_sequence=request.after_sequence,
            heartbeat_s=heartbeat_s,
            batch_events=request.batch_events,
            stopping=drain_started(),
        ):
            yield response

    async def CancelJob(
        self, request: job_service_pb2.CancelJobRequest, context: _Context
    ) -> job_service_pb2.CancelJobResponse:
        """Cancel a job."""
        caller = current_caller()
        job = await self._jobs.cancel(caller, request.job_id, request.reason)
        return job_service_pb2.CancelJobResponse(job=job)

    async def RetryJob(
        self, request: job_service_pb2.RetryJobRequest, context: _Context
    ) -> job_service_pb2.RetryJobResponse:
        """Retry a job."""
        caller = current_caller()
        job = await self._jobs.retry(caller, request.job_id, request.request_id)
        return job_service_pb2.RetryJobResponse(job=job)

    async def DeleteJob(
        self, request: job_service_pb2.DeleteJobRequest, context: _Context
    ) -> job_service_pb2.DeleteJobResponse:
        """Delete a job."""
        caller = current_caller()
        await self._jobs.delete(caller, request.job_id)
        return job_service_pb2.DeleteJobResponse()

    async def UpdateFingering(
        self, request: job_service_pb2.UpdateFingeringRequest, context: _Context
    ) -> job_service_pb2.UpdateFingeringResponse:
        """Pin fingers."""
        caller = current_caller()
        return await self._corrections.update(caller, request)


async def _chunks(requests: AsyncIterator[job_service_pb2.CreateJobRequest]) -> AsyncIterator[bytes]:
    async for request in requests:
        if not request.HasField("chunk"):
            raise EtudeError("INVALID_REQUEST", "after the first message, each message must hold a chunk of the file")
        yield request.chunk


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content
