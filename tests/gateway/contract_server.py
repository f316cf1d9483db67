"""A small orchestrator that keeps the contract's promises in memory, and breaks its connections when a test wants it.

For what the real one cannot be made to do on demand: a connection that drops after the third event, a server that is
away for a moment, bytes that arrive damaged, a file that is refused before it has been sent.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from etude.client.names import RESTING_STATES
from etude.job.v1 import (
    artifact_service_pb2,
    artifact_service_pb2_grpc,
    job_pb2,
    job_service_pb2,
    job_service_pb2_grpc,
    model_service_pb2,
    model_service_pb2_grpc,
)
from etude.mesh.definition import ServiceDefinition, Servicer
from etude.mesh.errors import EtudeError, to_status
from etude.mesh.settings import ServiceSettings
from etude.stage.v1 import stage_pb2

MAX_BYTES = 5 << 20


@dataclass
class Store:
    """What the server knows, for tests to look at and to change."""

    jobs: dict[str, job_pb2.Job] = field(default_factory=dict)
    events: dict[str, list[job_pb2.JobEvent]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    artifacts: dict[str, tuple[artifact_service_pb2.Artifact, bytes]] = field(default_factory=dict)
    by_request_id: dict[str, str] = field(default_factory=dict)
    pins: list[job_service_pb2.UpdateFingeringRequest] = field(default_factory=list)
    watches: list[int] = field(default_factory=list)
    metadata: list[dict[str, str]] = field(default_factory=list)
    refuse_calls: int = 0
    calls: list[str] = field(default_factory=list)
    has_submit: bool = True
    drop_watch_after: int = 0
    drop_download_after: int = 0
    drop_reason: str = "DEPENDENCY_UNAVAILABLE"
    damage: bool = False
    download_url: str = ""
    worker: Callable[["Store", str], Awaitable[None]] | None = None
    working: set[asyncio.Task[None]] = field(default_factory=set)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def emit(self, job_id: str, **fields: object) -> None:
        """Appends an event; a state in it becomes the job's."""
        job = self.jobs[job_id]
        event = job_pb2.JobEvent(job_id=job_id, sequence=len(self.events[job_id]) + 1, **fields)
        if event.state:
            job.state = event.state
        event.state = job.state
        if event.HasField("progress"):
            job.progress.CopyFrom(event.progress)
        job.last_sequence = event.sequence
        job.update_time.GetCurrentTime()
        self.events[job_id].append(event)
        async with self.changed:
            self.changed.notify_all()

    async def move(self, job_id: str, state: int, reason: str = "") -> None:
        await self.emit(job_id, kind=job_pb2.JOB_EVENT_KIND_STATE_CHANGED, state=state, reason=reason)

    async def progress(self, job_id: str, stage: str, page: int, page_count: int, fraction: float) -> None:
        progress = stage_pb2.Progress(stage=stage, page=page, page_count=page_count, fraction=fraction)
        await self.emit(job_id, kind=job_pb2.JOB_EVENT_KIND_PROGRESS, progress=progress)

    def add_artifact(self, job_id: str, kind: int, content: bytes, media_type: str, **fields: object) -> str:
        artifact_id = f"a{len(self.artifacts) + 1}"
        artifact = artifact_service_pb2.Artifact(
            artifact_id=artifact_id,
            job_id=job_id,
            kind=kind,
            revision=1,
            media_type=media_type,
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            **fields,
        )
        artifact.create_time.GetCurrentTime()
        self.artifacts[artifact_id] = (artifact, content)
        return artifact_id

    def job(self, job_id: str) -> job_pb2.Job:
        if job_id not in self.jobs:
            raise EtudeError("JOB_NOT_FOUND", f"There is no job {job_id}.")
        return self.jobs[job_id]

    def artifact(self, artifact_id: str) -> tuple[artifact_service_pb2.Artifact, bytes]:
        if artifact_id not in self.artifacts:
            raise EtudeError("ARTIFACT_NOT_FOUND", f"There is no artifact {artifact_id}.")
        return self.artifacts[artifact_id]


class Jobs(job_service_pb2_grpc.JobServiceServicer):
    def __init__(self, store: Store) -> None:
        self.store = store

    async def CreateJob(self, request_iterator, context):
        self._called(context, "CreateJob")
        head, content = None, b""
        async for request in request_iterator:
            if request.HasField("create"):
                head = request.create
            else:
                assert len(request.chunk) <= 1 << 20
                content += request.chunk
            if len(content) > MAX_BYTES:
                raise EtudeError("FILE_TOO_LARGE", "The file is larger than 5 MB.")
        return job_service_pb2.CreateJobResponse(job=await self._create(head, content))

    async def SubmitJob(self, request, context):
        if not self.store.has_submit:
            return await super().SubmitJob(request, context)
        self._called(context, "SubmitJob")
        assert len(request.content) <= 1 << 20
        return job_service_pb2.SubmitJobResponse(job=await self._create(request.create, request.content))

    def _called(self, context, name):
        store = self.store
        store.metadata.append({key: value for key, value in context.invocation_metadata() if isinstance(value, str)})
        store.calls.append(name)
        if store.refuse_calls:
            store.refuse_calls -= 1
            raise EtudeError("DEPENDENCY_UNAVAILABLE", "The store is away; try again.")

    async def _create(self, head, content):
        store = self.store
        if not content:
            raise EtudeError("EMPTY_FILE", "The file is empty; send a PDF.")
        if known := store.by_request_id.get(head.request_id):
            return store.jobs[known]
        job = job_pb2.Job(job_id=f"j{len(store.jobs) + 1}", options=head.options, attempt=1, user_id="local")
        job.source.filename = head.options.filename
        job.source.size_bytes = len(content)
        job.create_time.GetCurrentTime()
        store.jobs[job.job_id], store.events[job.job_id], store.files[job.job_id] = job, [], content
        store.by_request_id[head.request_id] = job.job_id
        await store.move(job.job_id, job_pb2.JOB_STATE_PENDING)
        if store.worker is not None:
            store.working.add(asyncio.ensure_future(store.worker(store, job.job_id)))
        return job

    async def GetJob(self, request, context):
        return job_service_pb2.GetJobResponse(job=self.store.job(request.job_id))

    async def ListJobs(self, request, context):
        jobs = [job for job in reversed(self.store.jobs.values()) if not request.states or job.state in request.states]
        start, size = int(request.page_token or 0), request.page_size or 50
        more = str(start + size) if start + size < len(jobs) else ""
        return job_service_pb2.ListJobsResponse(jobs=jobs[start : start + size], next_page_token=more)

    async def WatchJob(self, request, context):
        store, sent = self.store, 0
        job = store.job(request.job_id)
        store.watches.append(request.after_sequence)
        position, heartbeat_s = request.after_sequence, request.heartbeat_interval.ToTimedelta().total_seconds()
        while True:
            for event in store.events[job.job_id][position:]:
                if store.drop_watch_after and sent == store.drop_watch_after:
                    store.drop_watch_after = 0
                    raise EtudeError("SHUTTING_DOWN", "The server is shutting down; try again.")
                yield job_service_pb2.WatchJobResponse(event=event)
                position, sent = event.sequence, sent + 1
            if job.state in RESTING_STATES and position == job.last_sequence:
                return
            try:
                async with asyncio.timeout(heartbeat_s), store.changed:
                    await store.changed.wait_for(lambda at=position: job.last_sequence > at)
            except TimeoutError:
                yield job_service_pb2.WatchJobResponse(heartbeat=job_service_pb2.Heartbeat(last_sequence=position))

    async def CancelJob(self, request, context):
        job = self.store.job(request.job_id)
        if job.state in RESTING_STATES:
            state = job_pb2.JobState.Name(job.state).removeprefix("JOB_STATE_")
            raise EtudeError("INVALID_STATE", f"The job is {state} already.", metadata={"state": state})
        await self.store.move(job.job_id, job_pb2.JOB_STATE_CANCELLED, request.reason)
        return job_service_pb2.CancelJobResponse(job=job)

    async def RetryJob(self, request, context):
        job = self.store.job(request.job_id)
        job.attempt += 1
        await self.store.move(job.job_id, job_pb2.JOB_STATE_OMR_PROCESSING)
        return job_service_pb2.RetryJobResponse(job=job)

    async def DeleteJob(self, request, context):
        self.store.job(request.job_id)
        del self.store.jobs[request.job_id]
        return job_service_pb2.DeleteJobResponse()

    async def UpdateFingering(self, request, context):
        self.store.pins.append(request)
        return job_service_pb2.UpdateFingeringResponse(
            job=self.store.job(request.job_id), artifact_id="a9", changed_note_ids=["n1", "n2"]
        )


class Artifacts(artifact_service_pb2_grpc.ArtifactServiceServicer):
    def __init__(self, store: Store) -> None:
        self.store = store

    async def GetArtifact(self, request, context):
        return artifact_service_pb2.GetArtifactResponse(artifact=self.store.artifact(request.artifact_id)[0])

    async def ListArtifacts(self, request, context):
        self.store.job(request.job_id)
        found = [
            artifact
            for artifact, _ in self.store.artifacts.values()
            if artifact.job_id == request.job_id and (not request.kinds or artifact.kind in request.kinds)
        ]
        start = int(request.page_token or 0)
        size = request.page_size or 3
        more = str(start + size) if start + size < len(found) else ""
        return artifact_service_pb2.ListArtifactsResponse(artifacts=found[start : start + size], next_page_token=more)

    async def DownloadArtifact(self, request, context):
        artifact, content = self.store.artifact(request.artifact_id)
        yield artifact_service_pb2.DownloadArtifactResponse(artifact=artifact)
        end = request.offset + request.length if request.length else len(content)
        wanted = content[request.offset : end]
        if self.store.damage:
            wanted = wanted[:-1] + b"?"
        for sent, start in enumerate(range(0, len(wanted), 1000), start=1):
            yield artifact_service_pb2.DownloadArtifactResponse(chunk=wanted[start : start + 1000])
            if sent == self.store.drop_download_after:
                raise EtudeError(self.store.drop_reason, "the download ends here")

    async def GetDownloadUrl(self, request, context):
        artifact, _ = self.store.artifact(request.artifact_id)
        return artifact_service_pb2.GetDownloadUrlResponse(artifact=artifact, url=self.store.download_url)

    async def GetLineage(self, request, context):
        artifact, _ = self.store.artifact(request.artifact_id)
        edge = artifact_service_pb2.LineageEdge(
            source_artifact_id="a0", derived_artifact_id=artifact.artifact_id, transformation="omr"
        )
        return artifact_service_pb2.GetLineageResponse(artifacts=[artifact], edges=[edge])


class Models(model_service_pb2_grpc.ModelServiceServicer):
    async def ListModels(self, request, context):
        model = model_service_pb2.Model(service="fingering_service")
        model.info.model.name, model.info.stage, model.info.is_default = "ergonomic", "fingering", True
        return model_service_pb2.ListModelsResponse(models=[] if request.stage == "omr" else [model])

    async def GetModel(self, request, context):
        raise EtudeError("MODEL_NOT_FOUND", "There is no such model.")


def contract_definition(store: Store) -> ServiceDefinition:
    """The server as a service of the mesh."""

    @asynccontextmanager
    async def start(_: ServiceSettings) -> AsyncIterator[Sequence[Servicer]]:
        jobs = partial(job_service_pb2_grpc.add_JobServiceServicer_to_server, Jobs(store))
        artifacts = partial(artifact_service_pb2_grpc.add_ArtifactServiceServicer_to_server, Artifacts(store))
        models = partial(model_service_pb2_grpc.add_ModelServiceServicer_to_server, Models())
        yield [
            Servicer("etude.job.v1.JobService", jobs),
            Servicer("etude.job.v1.ArtifactService", artifacts),
            Servicer("etude.job.v1.ModelService", models),
        ]

    return ServiceDefinition(name="orchestrator", package="tests.gateway", settings_class=ServiceSettings, start=start)


def failed(reason: str, message: str):
    """The status a failed job carries."""
    return to_status(EtudeError(reason, message))
