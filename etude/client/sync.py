"""The client for ordinary programs: the asyncio client on a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from etude.client.aio import AsyncEtudeClient
from etude.client.annotation import AnnotationResult
from etude.client.calls import CALL_TIMEOUT_S, DEFAULT_TARGET
from etude.client.jobs import RECONNECT_S, UPLOAD_TIMEOUT_S, EventHandler
from etude.client.source import SourceLike
from etude.job.v1 import artifact_service_pb2, job_pb2, job_service_pb2, model_service_pb2
from etude.stage.v1 import fingering_service_pb2

T = TypeVar("T")
_END = object()


class EtudeClient:
    """Typed calls to a mesh, one after the other. Every method does what its namesake of `AsyncEtudeClient` does.

    >>> with EtudeClient() as client:                                                # doctest: +SKIP
    ...     job = client.wait(client.create_job("sonata.pdf").job_id)
    ...     for artifact in client.artifacts(job.job_id):
    ...         client.download(artifact, f"out/{artifact.filename}")
    """

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        timeout_s: float = CALL_TIMEOUT_S,
        token: str = "",
        metadata: Sequence[tuple[str, str]] = (),
    ) -> None:
        """A client of the orchestrator at `target` ("host:port", "unix:/path", "dns:///name:port").

        `token` is an access token or an API key; none is needed on one's own machine.
        """
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="etude-client", daemon=True)
        self._thread.start()
        self._client = self._run(self._open(target, timeout_s, token, metadata))

    @staticmethod
    async def _open(target: str, timeout_s: float, token: str, metadata: Sequence[tuple[str, str]]) -> AsyncEtudeClient:
        # A grpc.aio channel belongs to the loop it was made in.
        return AsyncEtudeClient(target, timeout_s=timeout_s, token=token, metadata=metadata)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection; the client cannot be used afterwards."""
        if self._loop.is_closed():
            return
        self._run(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # Jobs

    def create_job(
        self,
        source: SourceLike,
        options: job_pb2.JobOptions | None = None,
        *,
        request_id: str = "",
        timeout_s: float = UPLOAD_TIMEOUT_S,
    ) -> job_pb2.Job:
        """Sends a document and gives the job back as soon as the mesh has stored it."""
        return self._run(self._client.create_job(source, options, request_id=request_id, timeout_s=timeout_s))

    def get_job(self, job_id: str) -> job_pb2.Job:
        """One job."""
        return self._run(self._client.get_job(job_id))

    def list_jobs(
        self, *, states: Iterable[job_pb2.JobState.ValueType] = (), page_size: int = 0
    ) -> Iterator[job_pb2.Job]:
        """All jobs, newest first; pages are asked for as they are needed."""
        return self._iterate(self._client.list_jobs(states=states, page_size=page_size))

    def watch_job(
        self, job_id: str, *, after_sequence: int = 0, reconnect_s: float = RECONNECT_S
    ) -> Iterator[job_pb2.JobEvent]:
        """Events of a job as they come, until it is at rest, over reconnections."""
        return self._iterate(self._client.watch_job(job_id, after_sequence=after_sequence, reconnect_s=reconnect_s))

    def wait(self, job_id: str, *, timeout_s: float | None = None, on_event: EventHandler | None = None) -> job_pb2.Job:
        """Waits until a job is at rest, in whatever state, and gives it back. `on_event` runs on another thread."""
        return self._run(self._client.wait(job_id, timeout_s=timeout_s, on_event=on_event))

    def cancel(self, job_id: str, reason: str = "") -> job_pb2.Job:
        """Cancels a job that is not finished."""
        return self._run(self._client.cancel(job_id, reason))

    def retry(self, job_id: str, *, request_id: str = "") -> job_pb2.Job:
        """Starts a job whose reading or fingering failed again, from the failed stage on."""
        return self._run(self._client.retry(job_id, request_id=request_id))

    def delete(self, job_id: str) -> None:
        """Deletes a job at rest with all it made."""
        self._run(self._client.delete(job_id))

    def update_fingering(
        self,
        job_id: str,
        pins: Iterable[fingering_service_pb2.PinnedFingering] = (),
        *,
        unpin_note_ids: Iterable[str] = (),
        score_index: int = 0,
        request_id: str = "",
    ) -> job_service_pb2.UpdateFingeringResponse:
        """Pins fingers of a completed job; the rest is fingered anew around them, into new artifacts."""
        return self._run(
            self._client.update_fingering(
                job_id, pins, unpin_note_ids=unpin_note_ids, score_index=score_index, request_id=request_id
            )
        )

    # Artifacts and models

    def get_artifact(self, artifact_id: str) -> artifact_service_pb2.Artifact:
        """One artifact's description."""
        return self._run(self._client.get_artifact(artifact_id))

    def artifacts(
        self,
        job_id: str,
        *,
        kinds: Iterable[artifact_service_pb2.ArtifactKind.ValueType] = (),
        latest_only: bool = True,
    ) -> Iterator[artifact_service_pb2.Artifact]:
        """A job's artifacts, oldest first."""
        return self._iterate(self._client.artifacts(job_id, kinds=kinds, latest_only=latest_only))

    def read(self, artifact_id: str, *, offset: int = 0, length: int = 0) -> Iterator[bytes]:
        """The bytes of an artifact in chunks of at most 1 MiB."""
        return self._iterate(self._client.read(artifact_id, offset=offset, length=length))

    def download(self, artifact: artifact_service_pb2.Artifact | str, path: Path | str) -> Path:
        """Writes an artifact to a file, whole or not at all, and checks its SHA-256."""
        return self._run(self._client.download(artifact, path))

    def download_url(self, artifact_id: str) -> artifact_service_pb2.GetDownloadUrlResponse:
        """A URL that gives the artifact's bytes to whoever has it, for a short time; empty where there is none."""
        return self._run(self._client.download_url(artifact_id))

    def lineage(self, artifact_id: str) -> artifact_service_pb2.GetLineageResponse:
        """What an artifact was derived from and what was derived from it."""
        return self._run(self._client.lineage(artifact_id))

    def models(self, stage: str = "") -> Iterator[model_service_pb2.Model]:
        """Models seen so far; only those of one stage ("omr", "fingering") when it is given."""
        return self._iterate(self._client.models(stage))

    # The whole of it

    def annotate(
        self,
        source: SourceLike,
        *,
        out_dir: Path | str | None = None,
        on_event: EventHandler | None = None,
        timeout_s: float | None = None,
        **options: Any,
    ) -> AnnotationResult:
        """Sends a document, waits until it is fingered and, with `out_dir`, writes what came of it there."""
        return self._run(
            self._client.annotate(source, out_dir=out_dir, on_event=on_event, timeout_s=timeout_s, **options)
        )

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if self._loop.is_closed():
            coroutine.close()
            raise RuntimeError("this EtudeClient is closed")
        future: Future[T] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            # Ctrl-C in the calling thread ends the call, too, not only the wait for it.
            future.cancel()
            raise

    def _iterate(self, items: AsyncIterator[T]) -> Iterator[T]:
        async def advance() -> Any:
            return await anext(items, _END)

        async def close() -> None:
            if isinstance(items, AsyncGenerator):
                await items.aclose()

        try:
            while (item := self._run(advance())) is not _END:
                yield item
        finally:
            if not self._loop.is_closed():
                self._run(close())
