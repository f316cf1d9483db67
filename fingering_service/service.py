"""The servicer of FingeringService: decodes, has a worker do it, encodes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from etude.mesh.calls import Context
from etude.mesh.workers import WorkerPool
from etude.stage.v1 import fingering_service_pb2, fingering_service_pb2_grpc, stage_pb2
from fingering_service.settings import FingeringSettings
from fingering_service.work import annotate_bytes, stage_info_bytes


class FingeringServicer(fingering_service_pb2_grpc.FingeringServiceServicer):
    """Answers the calls of FingeringService."""

    def __init__(self, settings: FingeringSettings, pool: WorkerPool) -> None:
        self._settings = settings
        self._pool = pool

    async def Annotate(
        self, request: fingering_service_pb2.AnnotateRequest, context: Context
    ) -> AsyncIterator[fingering_service_pb2.AnnotateResponse]:
        """Fingers the Score in a worker process; answers with progress and the result."""
        yield _progress(0.0, "reading the Score")
        remaining = context.time_remaining()
        limit = self._settings.score_seconds
        told: asyncio.Queue[tuple[float, str] | None] = asyncio.Queue()
        work = asyncio.ensure_future(
            self._pool.run(
                annotate_bytes,
                request.SerializeToString(),
                timeout_s=min(limit, remaining) if remaining is not None else limit,
                memory_bytes=self._settings.score_memory_bytes,
                on_progress=told.put,
            )
        )
        work.add_done_callback(lambda _: told.put_nowait(None))
        try:
            while (step := await told.get()) is not None:
                yield _progress(*step)
            answer = await work
        finally:
            work.cancel()
        result = fingering_service_pb2.AnnotateResult.FromString(answer)
        yield fingering_service_pb2.AnnotateResponse(result=result)

    async def GetStageInfo(
        self,
        request: fingering_service_pb2.FingeringServiceGetStageInfoRequest,
        context: Context,
    ) -> fingering_service_pb2.FingeringServiceGetStageInfoResponse:
        """What this server is and which models it has."""
        info = stage_pb2.StageInfo.FromString(await self._pool.run(stage_info_bytes))
        return fingering_service_pb2.FingeringServiceGetStageInfoResponse(info=info)


def _progress(fraction: float, message: str) -> fingering_service_pb2.AnnotateResponse:
    return fingering_service_pb2.AnnotateResponse(
        progress=stage_pb2.Progress(stage="fingering", fraction=fraction, message=message)
    )
