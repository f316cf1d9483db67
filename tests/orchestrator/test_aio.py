"""The help with asyncio."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator.aio import both


async def test_both_run_side_by_side() -> None:
    met = asyncio.Barrier(2)

    async def give(value: int) -> int:
        await met.wait()
        return value

    one, two = await asyncio.wait_for(both(give(1), give(2)), 5)
    assert (one, two) == (1, 2)


async def test_the_first_failure_ends_the_other() -> None:
    ended = asyncio.Event()

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError

    with pytest.raises(ValueError):
        await asyncio.wait_for(both(wait(), fail()), 5)
    assert ended.is_set()
