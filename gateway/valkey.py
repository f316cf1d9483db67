"""Rate limits that several gateways share, in a Valkey or Redis server.

A module of its own: the client takes a while to import, and few need it.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import redis.asyncio as redis
from redis.exceptions import RedisError

from etude.mesh.logging import get_logger
from gateway.rate_limit import Demand, MemoryLimiter

_log = get_logger(__name__)
_PREFIX = "etude:rate:"
_TIMEOUT_S = 0.25
_RETRY_S = 5.0

# By the server's own clock, so that gateways need not agree on theirs.
_SCRIPT = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local wait, arrivals = 0, {}
for i, key in ipairs(KEYS) do
  local interval, ahead = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  arrivals[i] = math.max(tonumber(redis.call('GET', key) or now), now) + interval
  wait = math.max(wait, arrivals[i] - ahead - now)
end
if wait > 0 then return tostring(wait) end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('%.6f', arrivals[i]), 'PX', math.ceil((arrivals[i] - now) * 1000) + 1000)
end
return '0'
"""


class ValkeyLimiter:
    """Counts in a Valkey or Redis server that several gateways share; in memory while it does not answer."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Does not connect yet; `url` is redis://, rediss:// or unix://."""
        self._client: Any = redis.Redis.from_url(
            url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S, decode_responses=True
        )
        self._script = self._client.register_script(_SCRIPT)
        self._clock = clock
        self._fallback = MemoryLimiter(clock)
        self._away_until: float | None = None

    async def take(self, demands: Sequence[Demand]) -> float:
        """See `Limiter`."""
        if self._away_until is not None and self._clock() < self._away_until:
            return await self._fallback.take(demands)
        numbers = [number for _, rate in demands for number in (rate.interval_s, rate.ahead_s)]
        try:
            wait = float(await self._script(keys=[_PREFIX + key for key, _ in demands], args=numbers))
        except (RedisError, OSError, TimeoutError) as error:
            if self._away_until is None:
                _log.warning("the rate limits' server does not answer; counting in memory", error=type(error).__name__)
            self._away_until = self._clock() + _RETRY_S
            return await self._fallback.take(demands)
        if self._away_until is not None:
            self._away_until = None
            _log.info("the rate limits' server answers again")
        return wait

    async def close(self) -> None:
        """See `Limiter`."""
        await self._client.aclose()
