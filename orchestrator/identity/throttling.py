"""Login throttling: after some attempts in a row without success, an e-mail address has to wait, ever longer.

An attempt is counted before the password is looked at, so that many at once gain nothing. Attempts while waiting are
not counted: nobody can be kept out for longer than the longest wait. Sessions and API keys go on meanwhile.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select, text, update

from etude.mesh.errors import EtudeError
from orchestrator.connection import Connection
from orchestrator.identity.tokens import digest
from orchestrator.tables import login_attempts

# The same words on SQLite and on PostgreSQL; SQLAlchemy has them for each dialect apart.
_INSERT = text(
    "INSERT INTO login_attempts (email_digest, attempts, last_time) VALUES (:email_digest, :attempts, :last_time) "
    "ON CONFLICT (email_digest) DO NOTHING"
).bindparams(bindparam("last_time", type_=login_attempts.c.last_time.type))
FREE_ATTEMPTS = 5
LONGEST_WAIT = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=24)


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts in a row without success.

    >>> [wait_after(number).seconds for number in (4, 5, 6, 7, 30)]
    [0, 1, 2, 4, 900]
    """
    if attempts < FREE_ATTEMPTS:
        return timedelta()
    return min(timedelta(seconds=2 ** min(attempts - FREE_ATTEMPTS, 20)), LONGEST_WAIT)


async def count_attempt(connection: Connection, email_key: str, at: datetime) -> None:
    """Count an attempt to log in.

    Raises:
        EtudeError: RATE_LIMITED while the address has to wait.
    """
    key = digest(email_key)
    # So that there is a row to lock: of two first attempts at once, one waits for the other.
    await connection.execute(_INSERT, {"email_digest": key, "attempts": 0, "last_time": at})
    query = select(login_attempts).where(login_attempts.c.email_digest == key).with_for_update()
    row = (await connection.execute(query)).one()
    left = row.last_time + wait_after(row.attempts) - at
    if left > timedelta():
        seconds = max(1.0, left.total_seconds())
        raise EtudeError(
            "RATE_LIMITED", f"too many attempts to log in; try again in {seconds:.0f} s", retry_after_s=seconds
        )
    attempts = 1 if at - row.last_time > FORGOTTEN_AFTER else row.attempts + 1
    await connection.execute(
        update(login_attempts).where(login_attempts.c.email_digest == key).values(attempts=attempts, last_time=at)
    )


async def forget_attempts(connection: Connection, email_key: str) -> None:
    """Begin to count anew, after a success."""
    await connection.execute(delete(login_attempts).where(login_attempts.c.email_digest == digest(email_key)))


async def purge_attempts(connection: Connection, at: datetime) -> None:
    """Remove what would be forgotten anyway."""
    await connection.execute(delete(login_attempts).where(login_attempts.c.last_time < at - FORGOTTEN_AFTER))
