"""What proves who calls: passwords, sessions, refresh tokens, API keys, invitations.

They are looked up by the proof itself, before it is known which tenant it belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Table, bindparam, delete, insert, select, tuple_, update

from etude.identity.v1 import auth_service_pb2
from etude.mesh.errors import EtudeError
from orchestrator.caller import Caller
from orchestrator.connection import Connection
from orchestrator.repositories.wire import timestamp
from orchestrator.statements import Prepared
from orchestrator.tables import api_keys, invitations, passwords, refresh_tokens, sessions

# Asked on the way of every call.
_SESSION = Prepared(
    select(sessions.c.revoke_time, sessions.c.expire_time).where(
        sessions.c.tenant_id == bindparam("b_tenant_id"),
        sessions.c.user_id == bindparam("b_user_id"),
        sessions.c.session_id == bindparam("b_session_id"),
    )
)
_API_KEY = Prepared(select(api_keys).where(api_keys.c.digest == bindparam("b_digest")))


@dataclass(frozen=True, slots=True)
class Login:
    """A user who can log in."""

    caller: Caller
    password_hash: str


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token and its session."""

    caller: Caller
    session_id: str
    used: bool
    revoked: bool
    expire_time: datetime


@dataclass(frozen=True, slots=True)
class StoredApiKey:
    """Whose an API key is."""

    caller: Caller
    api_key_id: str
    expire_time: datetime | None


class CredentialRepository:
    """The proofs of all tenants."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # Passwords

    async def login(self, email_key: str) -> Login | None:
        """The user of an e-mail address; None when there is none."""
        query = select(passwords).where(passwords.c.email_key == email_key)
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else Login(Caller(row.tenant_id, row.user_id), row.password_hash)

    async def login_of(self, caller: Caller) -> Login | None:
        """The user, if they have a password."""
        query = select(passwords.c.password_hash).where(_of(passwords, caller))
        known = (await self._connection.execute(query)).scalar_one_or_none()
        return None if known is None else Login(caller, known)

    async def add_password(self, caller: Caller, email_key: str, password_hash: str, at: datetime) -> None:
        """Let a user log in.

        Raises:
            sqlalchemy.exc.IntegrityError: The address is another user's.
        """
        await self._connection.execute(
            insert(passwords).values(
                tenant_id=caller.tenant_id,
                user_id=caller.user_id,
                email_key=email_key,
                password_hash=password_hash,
                update_time=at,
            )
        )

    async def set_password(self, caller: Caller, password_hash: str, at: datetime) -> None:
        """Exchange the hash of a user's password."""
        await self._connection.execute(
            update(passwords).where(_of(passwords, caller)).values(password_hash=password_hash, update_time=at)
        )

    # Sessions

    async def add_session(self, caller: Caller, session_id: str, at: datetime, expires: datetime) -> None:
        """Begin a session."""
        await self._connection.execute(
            insert(sessions).values(
                tenant_id=caller.tenant_id,
                user_id=caller.user_id,
                session_id=session_id,
                create_time=at,
                expire_time=expires,
            )
        )

    async def session_is_good(self, caller: Caller, session_id: str, at: datetime) -> bool:
        """True while a session has neither been revoked nor expired."""
        key = {"b_tenant_id": caller.tenant_id, "b_user_id": caller.user_id, "b_session_id": session_id}
        found = await self._connection.fetch(_SESSION, key)
        return bool(found) and found[0].revoke_time is None and found[0].expire_time > at

    async def extend_session(self, session_id: str, expires: datetime) -> None:
        """Let a session go on."""
        await self._connection.execute(
            update(sessions).where(sessions.c.session_id == session_id).values(expire_time=expires)
        )

    async def revoke_session(self, session_id: str, at: datetime) -> None:
        """End a session."""
        await self._connection.execute(
            update(sessions)
            .where(sessions.c.session_id == session_id, sessions.c.revoke_time.is_(None))
            .values(revoke_time=at)
        )

    async def revoke_sessions(self, caller: Caller, at: datetime, *, but: str) -> None:
        """End all sessions of a user but one."""
        await self._connection.execute(
            update(sessions)
            .where(_of(sessions, caller), sessions.c.session_id != but, sessions.c.revoke_time.is_(None))
            .values(revoke_time=at)
        )

    # Refresh tokens

    async def add_refresh_token(self, caller: Caller, session_id: str, digest: str, at: datetime) -> None:
        """Keep a new refresh token of a session."""
        await self._connection.execute(
            insert(refresh_tokens).values(
                tenant_id=caller.tenant_id, digest=digest, session_id=session_id, create_time=at
            )
        )

    async def refresh_token(self, digest: str) -> RefreshToken | None:
        """A refresh token, locked until the transaction ends; None when there is none."""
        query = (
            select(refresh_tokens.c.use_time, sessions)
            .join(sessions, sessions.c.session_id == refresh_tokens.c.session_id)
            .where(refresh_tokens.c.digest == digest)
            .with_for_update()
        )
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            return None
        return RefreshToken(
            Caller(row.tenant_id, row.user_id),
            row.session_id,
            used=row.use_time is not None,
            revoked=row.revoke_time is not None,
            expire_time=row.expire_time,
        )

    async def use_refresh_token(self, digest: str, at: datetime) -> None:
        """Note that a refresh token was used."""
        await self._connection.execute(
            update(refresh_tokens).where(refresh_tokens.c.digest == digest).values(use_time=at)
        )

    # API keys

    async def add_api_key(self, caller: Caller, key: auth_service_pb2.ApiKey, digest: str) -> None:
        """Keep a new API key."""
        expires = key.expire_time.ToDatetime(tzinfo=UTC) if key.HasField("expire_time") else None
        await self._connection.execute(
            insert(api_keys).values(
                tenant_id=caller.tenant_id,
                user_id=caller.user_id,
                api_key_id=key.api_key_id,
                display_name=key.display_name,
                digest=digest,
                create_time=key.create_time.ToDatetime(tzinfo=UTC),
                expire_time=expires,
            )
        )

    async def api_key(self, digest: str) -> StoredApiKey | None:
        """Whose API key it is; None when it is nobody's."""
        for row in await self._connection.fetch(_API_KEY, {"b_digest": digest}):
            return StoredApiKey(Caller(row.tenant_id, row.user_id), row.api_key_id, row.expire_time)
        return None

    async def list_api_keys(
        self, caller: Caller, *, after: tuple[datetime, str] | None, limit: int
    ) -> Sequence[auth_service_pb2.ApiKey]:
        """A user's API keys, oldest first, after a position (time of creation, id), at most `limit`."""
        query = select(api_keys).where(_of(api_keys, caller))
        if after is not None:
            query = query.where(tuple_(api_keys.c.create_time, api_keys.c.api_key_id) > after)
        query = query.order_by(api_keys.c.create_time, api_keys.c.api_key_id).limit(limit)
        return [
            auth_service_pb2.ApiKey(
                api_key_id=row.api_key_id,
                display_name=row.display_name,
                create_time=timestamp(row.create_time),
                expire_time=None if row.expire_time is None else timestamp(row.expire_time),
            )
            for row in await self._connection.execute(query)
        ]

    async def delete_api_key(self, caller: Caller, api_key_id: str) -> None:
        """Take an API key back.

        Raises:
            EtudeError: API_KEY_NOT_FOUND, also for one of another user.
        """
        deleted = await self._connection.execute(
            delete(api_keys).where(_of(api_keys, caller), api_keys.c.api_key_id == api_key_id)
        )
        if deleted.rowcount == 0:
            raise EtudeError("API_KEY_NOT_FOUND", f"there is no API key {api_key_id!r}, or it is not yours")

    # Invitations

    async def add_invitation(self, caller: Caller, digest: str, at: datetime, expires: datetime) -> None:
        """Keep a new invitation."""
        await self._connection.execute(
            insert(invitations).values(
                tenant_id=caller.tenant_id, user_id=caller.user_id, digest=digest, create_time=at, expire_time=expires
            )
        )

    async def take_invitation(self, digest: str, at: datetime) -> str | None:
        """The tenant an invitation leads to, which is then used up; None when it is not good."""
        query = select(invitations.c.tenant_id).where(invitations.c.digest == digest, invitations.c.expire_time > at)
        tenant_id = (await self._connection.execute(query)).scalar_one_or_none()
        taken = await self._connection.execute(delete(invitations).where(invitations.c.digest == digest))
        return tenant_id if taken.rowcount == 1 else None

    async def purge(self, at: datetime) -> None:
        """Remove what is of no use any more: expired sessions with their tokens, expired keys and invitations."""
        for table in (sessions, api_keys, invitations):
            await self._connection.execute(delete(table).where(table.c.expire_time < at))


def _of(table: Table, caller: Caller) -> ColumnElement[bool]:
    return (table.c.tenant_id == caller.tenant_id) & (table.c.user_id == caller.user_id)
