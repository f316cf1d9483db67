"""Whether another job may be taken in."""

from __future__ import annotations

import time
from collections.abc import Callable

from etude.mesh.errors import EtudeError
from orchestrator.database import Database
from orchestrator.repositories.jobs import count_all_active
from orchestrator.tenancy import all_tenants

#: When to try again after too many jobs.
_RETRY_AFTER_S = 5.0
#: How long the number of all jobs under way is believed: how late a job taken in by another orchestrator is noticed.
_TRUST_S = 1.0


class Admission:
    """Room for jobs: a tenant's, and that of all together."""

    def __init__(
        self, database: Database, *, of_tenant: int, in_all: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Have room for so many jobs under way of one tenant, and of all."""
        self._database = database
        self._of_tenant = of_tenant
        self._in_all = in_all
        self._monotonic = monotonic
        self._counted = 0
        self._counted_until = 0.0

    def taken(self) -> None:
        """Note that a job was taken in."""
        self._counted += 1

    async def check(self, active: int) -> None:
        """Do nothing when there is room for another job of a tenant of which so many are under way.

        Raises:
            EtudeError: RATE_LIMITED.
        """
        if active >= self._of_tenant:
            raise EtudeError(
                "RATE_LIMITED",
                f"{active} jobs are under way, as many as there may be; send more when some have ended",
                retry_after_s=_RETRY_AFTER_S,
            )
        # Ours are added to the count as they come, so that it is too high rather than too low: nobody is turned away
        # without a new one.
        if self._monotonic() < self._counted_until and self._counted < self._in_all:
            return
        with all_tenants():
            async with self._database.read() as connection:
                self._counted = await count_all_active(connection)
        self._counted_until = self._monotonic() + _TRUST_S
        if self._counted >= self._in_all:  # how many is nothing to a tenant
            raise EtudeError(
                "RATE_LIMITED",
                "as many jobs are under way as this server takes in all; try again in a while",
                retry_after_s=_RETRY_AFTER_S,
            )
