"""Rate limits, in memory and on a real Valkey server that comes and goes."""

import asyncio
from dataclasses import replace

import httpx
import pytest

from etude.mesh.channels import open_channel
from gateway.app import create_app
from gateway.rate_limit import MemoryLimiter, Rate
from gateway.server import http_server
from gateway.settings import GatewaySettings
from gateway.valkey import ValkeyLimiter
from tests.gateway.test_http_house import assert_envelope
from tests.support.valkey import valkey_server

SLOW = Rate(per_minute=60)  # one a second, ten at once


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


async def allowed(limiter, key: str, times: int, rate: Rate = SLOW) -> int:
    return sum([await limiter.take([(key, rate)]) == 0 for _ in range(times)])


async def test_a_burst_then_the_rate_and_each_key_for_itself():
    clock = Clock()
    limiter = MemoryLimiter(clock)
    assert await allowed(limiter, "a", 15) == 10
    assert await limiter.take([("a", SLOW)]) == pytest.approx(1.0)
    assert await allowed(limiter, "b", 15) == 10
    clock.now += 3.5
    assert await allowed(limiter, "a", 10) == 3
    clock.now += 3600
    assert await allowed(limiter, "a", 15) == 10


async def test_what_one_key_refuses_counts_under_no_other():
    limiter = MemoryLimiter(Clock())
    assert await allowed(limiter, "address", 10) == 10
    for _ in range(20):
        assert await limiter.take([("user", SLOW), ("address", SLOW)]) > 0
    assert await allowed(limiter, "user", 15) == 10


async def test_a_small_rate_still_lets_a_few_through():
    assert await allowed(MemoryLimiter(Clock()), "a", 9, Rate(per_minute=1)) == 5


async def test_gateways_share_their_counts_and_go_on_without_the_server(tmp_path):
    clock = Clock()
    with valkey_server(tmp_path) as server:
        one, other = ValkeyLimiter(server.url, clock=clock), ValkeyLimiter(server.url, clock=clock)
        hourly = Rate(per_minute=6)  # slow enough for a slow machine: the server's clock is the real one
        counts = [await allowed(limiter, "a", 3, hourly) for limiter in (one, other)]
        assert counts == [3, 2]
        assert 0 < await other.take([("a", hourly)]) <= 10
        assert await allowed(one, "b", 9, hourly) == 5

        server.stop()
        assert await allowed(one, "a", 9, hourly) == 5  # in memory, from the start
        server.start()
        assert await allowed(one, "a", 9, hourly) == 0  # not asked again at once
        clock.now += 6
        assert await allowed(one, "a", 9, hourly) == 5  # the new server has counted nothing yet

        server.pause()
        started = asyncio.get_running_loop().time()
        assert await other.take([("c", hourly)]) == 0
        assert asyncio.get_running_loop().time() - started < 5
        server.resume()
        for limiter in (one, other):
            await limiter.close()


async def serve(stack, target, **settings):
    """A gateway of its own for a test."""
    own = GatewaySettings(orchestrator_target=target, http_address="127.0.0.1:0", **settings)
    channel = await stack.enter_async_context(open_channel(target))
    address = await stack.enter_async_context(http_server(create_app(own, channel, {}), own.http_address))
    return await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://{address}", timeout=60))


async def test_who_asks_too_often_is_told_when_to_come_back(target, exit_stack):
    http = await serve(exit_stack, target, rate_limit_per_minute=6)
    mine = {"Authorization": "Bearer one"}
    assert [(await http.get("/api/v1/models", headers=mine)).status_code for _ in range(5)] == [200] * 5
    refused = await http.get("/api/v1/models", headers=mine)
    error = assert_envelope(refused, 429, "RATE_LIMITED")
    assert error["code"] == "RESOURCE_EXHAUSTED"
    assert 1 <= int(refused.headers["retry-after"]) <= 10
    assert error["details"]["retry_after_s"] == pytest.approx(10, abs=10)
    assert (await http.get("/api/v1/models", headers={"Authorization": "Bearer two"})).status_code == 200
    for path in ("/healthz", "/readyz", "/metrics", "/health"):
        assert (await http.get(path)).status_code == 200


async def test_made_up_credentials_do_not_get_around_the_address(target, exit_stack):
    http = await serve(exit_stack, target, rate_limit_per_minute=1)
    answers = [
        (await http.get("/api/v1/models", headers={"Authorization": f"Bearer {number}"})).status_code
        for number in range(40)
    ]
    assert answers.count(429) >= 12  # an address has five times what a user has, and no more


async def test_logging_in_has_a_limit_of_its_own(target, exit_stack):
    http = await serve(exit_stack, target, login_rate_limit_per_minute=6)
    body = {"email": "a@example.org", "password": "x"}
    answers = [(await http.post("/api/v1/auth/login", json=body)).status_code for _ in range(7)]
    assert answers[5:] == [429, 429]
    assert 429 not in answers[:5]


def test_a_rate_is_what_it_says():
    assert replace(SLOW, per_minute=6000).interval_s == 0.01
    assert Rate(per_minute=6000).ahead_s == 10
