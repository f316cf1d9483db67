"""The orchestrators that work on one PostgreSQL database, and which of them live. Times are the database's own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, func, insert, select, update

from orchestrator.connection import Connection
from orchestrator.tables import executors


async def join(connection: Connection, executor_id: str, instance: str) -> None:
    """Let a process answer for an orchestrator's jobs, whoever did before."""
    values = {"instance": instance, "heartbeat_time": func.now()}
    changed = await connection.execute(update(executors).where(executors.c.executor_id == executor_id).values(values))
    if changed.rowcount == 0:
        await connection.execute(insert(executors).values(executor_id=executor_id, **values))


async def beat(connection: Connection, executor_id: str, instance: str) -> bool:
    """Note that a process lives; False when it no longer answers for the orchestrator's jobs."""
    changed = await connection.execute(
        update(executors)
        .where(executors.c.executor_id == executor_id, executors.c.instance == instance)
        .values(heartbeat_time=func.now())
    )
    return changed.rowcount == 1


async def claim_dead(connection: Connection, instance: str, silence: timedelta) -> Sequence[str]:
    """Let `instance` answer for the jobs of the orchestrators that were silent for so long; their names.

    Each is given to one caller. When that one dies over it too, its name is silent again and given to the next.
    """
    silent = (
        select(executors.c.executor_id)
        .where(executors.c.heartbeat_time < func.now() - silence)
        .with_for_update(skip_locked=True)
    )
    names = [str(name) for name in (await connection.execute(silent)).scalars()]
    if names:
        await connection.execute(
            update(executors)
            .where(executors.c.executor_id.in_(names))
            .values(instance=instance, heartbeat_time=func.now())
        )
    return names


async def forget(connection: Connection, executor_id: str, instance: str) -> None:
    """Remove an orchestrator whose jobs were taken over, unless it has come back since."""
    await connection.execute(
        delete(executors).where(executors.c.executor_id == executor_id, executors.c.instance == instance)
    )
