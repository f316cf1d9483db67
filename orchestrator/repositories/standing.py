"""What decides whether and how a user's next job is taken in."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, select

from etude.identity.v1 import identity_service_pb2
from orchestrator.connection import Statements
from orchestrator.repositories.jobs import ACTIVE_JOBS
from orchestrator.repositories.wire import from_column
from orchestrator.statements import Prepared
from orchestrator.tables import jobs, user_preferences

_ACTIVE = ACTIVE_JOBS.where(jobs.c.tenant_id == bindparam("b_tenant_id"))
_PREFERENCES = select(user_preferences.c.preferences).where(
    user_preferences.c.tenant_id == bindparam("b_tenant_id"), user_preferences.c.user_id == bindparam("b_user_id")
)
_STANDING = Prepared(
    select(_ACTIVE.scalar_subquery().label("active"), _PREFERENCES.scalar_subquery().label("preferences"))
)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a user stands.

    Attributes:
        active_jobs: Jobs of the user's tenant that are not at rest.
        preferences: The user's preferences; empty ones when none were set.
    """

    active_jobs: int
    preferences: identity_service_pb2.UserPreferences


async def standing(statements: Statements, tenant_id: str, user_id: str) -> Standing:
    """How a user of a tenant stands."""
    (row,) = await statements.fetch(_STANDING, {"b_tenant_id": tenant_id, "b_user_id": user_id})
    return Standing(row.active, from_column(row.preferences, identity_service_pb2.UserPreferences()))
