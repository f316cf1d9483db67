"""The models that stages have shown so far. They belong to the installation, not to a tenant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, insert, select, tuple_, update

from etude.job.v1 import model_service_pb2
from etude.mesh.errors import EtudeError
from etude.stage.v1 import stage_pb2
from orchestrator.connection import Connection
from orchestrator.repositories.wire import now, timestamp
from orchestrator.tables import models


class ModelRepository:
    """The models."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def register(self, service: str, info: stage_pb2.ModelInfo) -> None:
        """Note a model a service has; one seen before is brought up to date."""
        values = {
            "stage": info.stage,
            "service": service,
            "digest": info.model.digest,
            "description": info.description,
            "licence": info.licence,
            "is_default": info.is_default,
            "size_bytes": info.size_bytes,
            "seen_time": now(),
        }
        changed = await self._connection.execute(
            update(models)
            .where(models.c.name == info.model.name, models.c.version == info.model.version)
            .values(values)
        )
        if changed.rowcount == 0:
            await self._connection.execute(
                insert(models).values(
                    name=info.model.name, version=info.model.version, create_time=values["seen_time"], **values
                )
            )

    async def list(
        self, *, stage: str = "", after: tuple[str, str, str] | None = None, limit: int
    ) -> Sequence[model_service_pb2.Model]:
        """Models by stage, name and version, after the position `after`, at most `limit`."""
        query = select(models)
        if stage:
            query = query.where(models.c.stage == stage)
        if after is not None:
            query = query.where(tuple_(models.c.stage, models.c.name, models.c.version) > after)
        query = query.order_by(models.c.stage, models.c.name, models.c.version).limit(limit)
        return [_model(row) for row in await self._connection.execute(query)]

    async def get(self, name: str, version: str = "") -> model_service_pb2.Model:
        """A model; without a version, the one seen first latest.

        Raises:
            EtudeError: MODEL_NOT_FOUND.
        """
        query = select(models).where(models.c.name == name)
        if version:
            query = query.where(models.c.version == version)
        query = query.order_by(models.c.create_time.desc(), models.c.version.desc()).limit(1)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            raise EtudeError(
                "MODEL_NOT_FOUND", f"there is no model {name!r}" + (f" of version {version!r}" * bool(version))
            )
        return _model(row)


def _model(row: Row[Any]) -> model_service_pb2.Model:
    info = stage_pb2.ModelInfo(
        stage=row.stage,
        description=row.description,
        licence=row.licence,
        is_default=row.is_default,
        size_bytes=row.size_bytes,
    )
    info.model.name, info.model.version, info.model.digest = row.name, row.version, row.digest
    return model_service_pb2.Model(info=info, service=row.service, create_time=timestamp(row.create_time))
