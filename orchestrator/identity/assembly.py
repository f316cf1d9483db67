"""Identity put together from the settings."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

from etude.mesh.logging import get_logger
from orchestrator.database import Database
from orchestrator.identity.accounts import AccountPolicy, Accounts
from orchestrator.identity.authenticator import Authenticator
from orchestrator.identity.passwords import Passwords
from orchestrator.identity.secret import secret_of
from orchestrator.identity.tokens import AccessTokens
from orchestrator.settings import OrchestratorSettings

_log = get_logger(__name__)
_FIRST_PURGE_S, _PURGE_INTERVAL_S = 60.0, 3600.0


@dataclass(frozen=True, slots=True)
class Identity:
    """The guard of all services, and the accounts behind it."""

    authenticator: Authenticator
    accounts: Accounts


@contextlib.asynccontextmanager
async def identity(settings: OrchestratorSettings, database: Database) -> AsyncIterator[Identity]:
    """Identity on a migrated database; what has expired is removed at an interval meanwhile.

    Raises:
        OSError: The embedded secret cannot be read or made.
    """
    configured = settings.auth_secret.get_secret_value().encode()
    tokens = AccessTokens(configured or secret_of(settings.data_dir))
    authenticator = Authenticator(database, tokens, local_user=not configured)
    policy = AccountPolicy(
        access_lifetime=timedelta(seconds=settings.access_token_seconds),
        session_lifetime=timedelta(days=settings.session_days),
        invited_only=settings.registration == "invited",
    )
    hashing = Passwords()
    accounts = Accounts(database, tokens, authenticator, hashing, policy)
    purging = asyncio.create_task(_purge(accounts))
    try:
        yield Identity(authenticator, accounts)
    finally:
        purging.cancel()
        await asyncio.gather(purging, return_exceptions=True)
        hashing.close()


async def _purge(accounts: Accounts) -> None:
    await asyncio.sleep(_FIRST_PURGE_S)
    while True:
        try:
            await accounts.purge()
        except Exception:  # a database that is away for a moment; its health is told elsewhere
            _log.warning("expired credentials were not removed", exc_info=True)
        await asyncio.sleep(_PURGE_INTERVAL_S)
