"""Rate limits: the generic cell rate algorithm (ATM Forum TM 4.1), in memory; `gateway.valkey` shares the counts.

A key's theoretical arrival time moves on by one interval with each request, and may run ahead of the clock by the time
that the burst stands for. It is one number per key, which is forgotten as soon as the clock has caught up.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

_MOST_KEYS = 100_000


LEAST_AT_ONCE = 5


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests per minute on average, of which ten seconds' worth, and some at least, may come at once."""

    per_minute: int
    least_at_once: int = LEAST_AT_ONCE

    @property
    def interval_s(self) -> float:
        """Seconds that one request stands for."""
        return 60.0 / self.per_minute

    @property
    def ahead_s(self) -> float:
        """How far the arrival time may run ahead of the clock."""
        return self.interval_s * max(self.per_minute / 6, self.least_at_once)


Demand = tuple[str, Rate]
"""A request as it is counted: under which key, at which rate."""


class Limiter(Protocol):
    """Counts requests."""

    async def take(self, demands: Sequence[Demand]) -> float:
        """Counts a request under all its keys and gives 0; or counts nothing and gives the seconds to wait."""
        ...

    async def close(self) -> None:
        """Lets go of what it holds."""
        ...


class MemoryLimiter:
    """Counts in this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._arrivals: OrderedDict[str, float] = OrderedDict()

    async def take(self, demands: Sequence[Demand]) -> float:
        """See `Limiter`."""
        now = self._clock()
        arrivals = [(key, max(self._arrivals.get(key, now), now) + rate.interval_s, rate) for key, rate in demands]
        wait = max((arrival - rate.ahead_s - now for _, arrival, rate in arrivals), default=0.0)
        if wait > 0:
            return wait
        for key, arrival, _ in arrivals:
            self._arrivals[key] = arrival
            self._arrivals.move_to_end(key)
        # The least recently seen keys go first: their time has most likely come.
        while len(self._arrivals) > _MOST_KEYS:
            self._arrivals.popitem(last=False)
        return 0.0

    async def close(self) -> None:
        """See `Limiter`."""
