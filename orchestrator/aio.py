"""A little help with asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")
_U = TypeVar("_U")


async def both(one: Coroutine[Any, Any, _T], other: Coroutine[Any, Any, _U]) -> tuple[_T, _U]:
    """What two coroutines give that run side by side; the first failure ends the other."""
    tasks = asyncio.create_task(one), asyncio.create_task(other)
    try:
        first, second = await asyncio.gather(*tasks)
        return first, second
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def uninterrupted(work: Coroutine[Any, Any, _T]) -> _T:
    """Run `work` to its end even when the caller is cancelled meanwhile; the cancellation then takes effect after it.

    For work that would leave two stores at odds if it stopped half-way.
    """
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not task.done():
            await asyncio.wait([task])
        raise


async def beside(before: asyncio.Task[Any] | None, work: Coroutine[Any, Any, _T]) -> _T:
    """What work gives that is done beside something it depends on; what that raises is raised first, and work is left.

    Both are cancelled with the caller.
    """
    if before is None:
        return await work
    working = asyncio.create_task(work)
    try:
        await before
        return await working
    except BaseException:
        await abandoned(before, working)
        raise


async def abandoned(*tasks: asyncio.Task[Any]) -> None:
    """End tasks, whatever they come to."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
