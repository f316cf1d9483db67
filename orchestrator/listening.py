"""Hears from PostgreSQL what other orchestrators do to jobs, and wakes those who watch them here.

A trigger tells of every change of a job (NOTIFY), with the name of the process that made it, which tells its own
watchers itself. While nothing can be heard, watchers look into the database more often.
"""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
from sqlalchemy.engine import make_url

from etude.mesh.logging import get_logger
from orchestrator.notifier import Notifier

_log = get_logger(__name__)

CHANNEL = "etude_jobs"
#: How often watchers look into the database: while it tells us of changes, and while it does not.
LISTENING_LOOK_S = 2.0
DEAF_LOOK_S = 0.2
#: A connection that is cut without a word is found out by asking something every so often.
_ASK_EVERY_S = 5.0
_ASK_TIMEOUT_S = 5.0
_AGAIN_AFTER_S = 1.0


class Listener:
    """Listens for as long as the process works."""

    def __init__(self, url: str, own_name: str, notifier: Notifier) -> None:
        """Listen to the database under `url`; what the process `own_name` did is known here already."""
        self._url = url
        self._own_name = own_name
        self._notifier = notifier
        self._notifier.look_every_s = DEAF_LOOK_S

    async def run(self) -> None:
        """Listen, again after every failure, until cancelled."""
        while True:
            try:
                await self._listen()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
                _log.warning("changes by other orchestrators are not heard of for now", error=str(error))
            self._notifier.look_every_s = DEAF_LOOK_S
            self._notifier.look_all()
            await asyncio.sleep(_AGAIN_AFTER_S)

    async def _listen(self) -> None:
        connection = await asyncpg.connect(_dsn(self._url), timeout=_ASK_TIMEOUT_S)
        try:
            await connection.add_listener(CHANNEL, self._heard)
            self._notifier.look_every_s = LISTENING_LOOK_S
            self._notifier.look_all()  # for what happened before
            while True:
                await asyncio.sleep(_ASK_EVERY_S)
                await connection.execute("SELECT 1", timeout=_ASK_TIMEOUT_S)
        finally:
            connection.terminate()

    def _heard(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        job_id, _, name = payload.partition(" ")
        if name != self._own_name:
            self._notifier.publish(job_id, None)


def _dsn(url: str) -> str:
    parts = make_url(url)
    query = {"sslmode" if name == "ssl" else name: value for name, value in parts.query.items()}
    return parts.set(drivername="postgresql", query=query).render_as_string(hide_password=False)
