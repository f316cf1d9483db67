"""Keeps the list of models in step with what the stages say they have."""

from __future__ import annotations

import asyncio

from etude.mesh.errors import EtudeError
from etude.mesh.logging import get_logger
from orchestrator.repositories.models import ModelRepository
from orchestrator.stages import Stages
from orchestrator.store import Store

_log = get_logger(__name__)
_STAGES = ("omr", "fingering", "rendering")


class ModelRegistry:
    """Asks the stages for their models and notes them."""

    def __init__(self, store: Store, stages: Stages, *, interval_s: float = 60.0) -> None:
        """Look after `stages` every `interval_s`."""
        self._store = store
        self._stages = stages
        self._interval_s = interval_s
        self._seen: set[str] = set()

    async def run(self) -> None:
        """Look after the stages until cancelled."""
        while True:
            await asyncio.gather(*(self._refresh(stage) for stage in _STAGES))
            await asyncio.sleep(self._interval_s)

    async def refresh_missing(self) -> None:
        """Ask the stages that have not answered yet: they may have come up since."""
        await asyncio.gather(*(self._refresh(stage) for stage in _STAGES if stage not in self._seen))

    async def _refresh(self, stage: str) -> None:
        try:
            info = await self._stages.info(stage)
        except EtudeError as error:
            _log.debug("stage does not tell its models", stage=stage, reason=error.reason)
            return
        async with self._store.database.write() as connection:
            for model in info.models:
                await ModelRepository(connection).register(info.name, model)
        self._seen.add(stage)
