"""Places at a stage, shared fairly: whoever has many jobs waits for them, not for those of others with few."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator


class FairPlaces:
    """So many places; one that becomes free goes to the tenant that holds the fewest, and of those to the one that was
    served longest ago. Within a tenant, first come, first served.

    For one event loop.
    """

    def __init__(self, capacity: int) -> None:
        self._free = capacity
        self._held: Counter[str] = Counter()
        # In the order of their last turn.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def is_full(self) -> bool:
        """True when whoever comes now has to wait."""
        return self._free == 0

    @contextlib.asynccontextmanager
    async def place(self, tenant_id: str) -> AsyncIterator[None]:
        """A place for as long as the block lasts; waits for one."""
        if self._free:
            self._free -= 1
        else:
            await self._turn(tenant_id)
        self._held[tenant_id] += 1
        try:
            yield
        finally:
            self._held[tenant_id] -= 1
            if not self._held[tenant_id]:
                del self._held[tenant_id]
            self._give_on()

    async def _turn(self, tenant_id: str) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue = self._waiting.setdefault(tenant_id, deque())
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was given to us at this very moment
                self._give_on()
            raise

    def _give_on(self) -> None:
        while self._waiting:
            tenant_id = min(self._waiting, key=lambda tenant: self._held[tenant])  # the first of equals
            queue = self._waiting.pop(tenant_id)
            turn = queue.popleft()
            if queue:
                self._waiting[tenant_id] = queue  # behind all others
            if not turn.done():  # its waiter has not left
                turn.set_result(None)
                return
        self._free += 1
