"""Tenants, users and their preferences."""

from __future__ import annotations

from sqlalchemy import bindparam, insert, select, update

from etude.identity.v1 import identity_service_pb2
from etude.mesh.errors import EtudeError
from orchestrator.connection import Connection
from orchestrator.repositories.wire import from_column, now, timestamp, to_column
from orchestrator.statements import Prepared
from orchestrator.tables import tenants, user_preferences, users

_PREFERENCES = Prepared(
    select(user_preferences.c.preferences).where(
        user_preferences.c.tenant_id == bindparam("b_tenant_id"), user_preferences.c.user_id == bindparam("b_user_id")
    )
)


class IdentityRepository:
    """One tenant and its users."""

    def __init__(self, connection: Connection, tenant_id: str) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    async def ensure(self, tenant_name: str, user_id: str, user_name: str) -> None:
        """Create the tenant and the user unless they are there."""
        known = select(tenants.c.tenant_id).where(tenants.c.tenant_id == self._tenant_id)
        if (await self._connection.execute(known)).one_or_none() is None:
            await self.add_tenant(tenant_name)
        known = select(users.c.user_id).where(users.c.tenant_id == self._tenant_id, users.c.user_id == user_id)
        if (await self._connection.execute(known)).one_or_none() is None:
            await self.add_user(user_id, "", user_name)

    async def add_tenant(self, display_name: str) -> None:
        """Create the tenant."""
        await self._connection.execute(
            insert(tenants).values(tenant_id=self._tenant_id, display_name=display_name, create_time=now())
        )

    async def add_user(self, user_id: str, email: str, display_name: str) -> None:
        """Create a user of the tenant."""
        await self._connection.execute(
            insert(users).values(
                tenant_id=self._tenant_id,
                user_id=user_id,
                email=email,
                display_name=display_name,
                create_time=now(),
            )
        )

    async def tenant(self) -> identity_service_pb2.Tenant:
        """The tenant.

        Raises:
            EtudeError: USER_NOT_FOUND.
        """
        query = select(tenants).where(tenants.c.tenant_id == self._tenant_id)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            raise EtudeError("USER_NOT_FOUND", "there is no such tenant")
        return identity_service_pb2.Tenant(
            tenant_id=row.tenant_id, display_name=row.display_name, create_time=timestamp(row.create_time)
        )

    async def user(self, user_id: str) -> identity_service_pb2.User:
        """A user.

        Raises:
            EtudeError: USER_NOT_FOUND.
        """
        query = select(users).where(users.c.tenant_id == self._tenant_id, users.c.user_id == user_id)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            raise EtudeError("USER_NOT_FOUND", "there is no such user")
        return identity_service_pb2.User(
            user_id=row.user_id,
            tenant_id=row.tenant_id,
            email=row.email,
            display_name=row.display_name,
            create_time=timestamp(row.create_time),
        )

    async def preferences(self, user_id: str) -> identity_service_pb2.UserPreferences:
        """A user's preferences; empty ones when none were set."""
        found = await self._connection.fetch(_PREFERENCES, {"b_tenant_id": self._tenant_id, "b_user_id": user_id})
        stored = found[0].preferences if found else None
        return from_column(stored, identity_service_pb2.UserPreferences())

    async def set_preferences(self, user_id: str, preferences: identity_service_pb2.UserPreferences) -> None:
        """Replace a user's preferences."""
        values = {"preferences": to_column(preferences), "update_time": now()}
        changed = await self._connection.execute(
            update(user_preferences)
            .where(user_preferences.c.tenant_id == self._tenant_id, user_preferences.c.user_id == user_id)
            .values(values)
        )
        if changed.rowcount == 0:
            await self._connection.execute(
                insert(user_preferences).values(tenant_id=self._tenant_id, user_id=user_id, **values)
            )
