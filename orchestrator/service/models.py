"""ModelService."""

from __future__ import annotations

from typing import Any

import grpc.aio

from etude.job.v1 import model_service_pb2, model_service_pb2_grpc
from orchestrator import paging
from orchestrator.registry import ModelRegistry
from orchestrator.repositories.models import ModelRepository
from orchestrator.store import Store

_Context = grpc.aio.ServicerContext[Any, Any]
_PAGE_SIZE = 100


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """See proto/etude/job/v1/model_service.proto."""

    def __init__(self, store: Store, registry: ModelRegistry) -> None:
        self._store = store
        self._registry = registry

    async def ListModels(
        self, request: model_service_pb2.ListModelsRequest, context: _Context
    ) -> model_service_pb2.ListModelsResponse:
        """Models seen so far."""
        size = paging.page_size(request.page_size, _PAGE_SIZE)
        question = f"ListModels {request.stage}"
        position = paging.read_token(question, request.page_token, (str, str, str))
        after = None if position is None else (str(position[0]), str(position[1]), str(position[2]))
        await self._registry.refresh_missing()
        async with self._store.database.read() as connection:
            models = await ModelRepository(connection).list(stage=request.stage, after=after, limit=size + 1)
        answer = model_service_pb2.ListModelsResponse(models=models[:size])
        if len(models) > size:
            last = models[size - 1].info
            answer.next_page_token = paging.make_token(question, last.stage, last.model.name, last.model.version)
        return answer

    async def GetModel(
        self, request: model_service_pb2.GetModelRequest, context: _Context
    ) -> model_service_pb2.GetModelResponse:
        """One model."""
        await self._registry.refresh_missing()
        async with self._store.database.read() as connection:
            model = await ModelRepository(connection).get(request.name, request.version)
        return model_service_pb2.GetModelResponse(model=model)
