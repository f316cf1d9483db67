"""What users do with their accounts: register, log in, stay logged in, log out, hand out keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy.exc import IntegrityError

from etude.identity.v1 import auth_service_pb2
from etude.mesh.errors import EtudeError
from orchestrator import ids
from orchestrator.caller import Caller
from orchestrator.connection import Connection
from orchestrator.database import Database
from orchestrator.identity import emails, passwords, throttling
from orchestrator.identity.authenticator import Authenticator
from orchestrator.identity.passwords import Passwords
from orchestrator.identity.principal import Principal
from orchestrator.identity.tokens import (
    API_KEY_PREFIX,
    INVITATION_PREFIX,
    REFRESH_PREFIX,
    AccessTokens,
    digest,
    invalid_credentials,
    new_opaque_token,
)
from orchestrator.repositories.credentials import CredentialRepository
from orchestrator.repositories.identity import IdentityRepository
from orchestrator.repositories.wire import now, timestamp

INVITATION_LIFETIME = timedelta(days=7)
MOST_API_KEYS = 100
_NAME_LIMIT = 200


@dataclass(frozen=True, slots=True)
class AccountPolicy:
    """How long tokens are good, and who may register.

    Attributes:
        access_lifetime: Of an access token.
        session_lifetime: Of a session that is not refreshed.
        invited_only: True when nobody registers without an invitation.
    """

    access_lifetime: timedelta
    session_lifetime: timedelta
    invited_only: bool


class Accounts:
    """The accounts of all tenants."""

    def __init__(
        self,
        database: Database,
        tokens: AccessTokens,
        authenticator: Authenticator,
        hashing: Passwords,
        policy: AccountPolicy,
    ) -> None:
        self._database = database
        self._tokens = tokens
        self._authenticator = authenticator
        self._passwords = hashing
        self._policy = policy

    async def register(self, request: auth_service_pb2.RegisterRequest) -> auth_service_pb2.RegisterResponse:
        """Create a user and log in.

        Raises:
            EtudeError: INVALID_REQUEST; USER_EXISTS; PERMISSION_DENIED without a good invitation where one is needed;
                RATE_LIMITED.
        """
        email = emails.checked(request.email)
        password = passwords.prepared(request.password)
        display_name = checked_name(request.display_name)
        if self._policy.invited_only and not request.invitation_token:
            raise EtudeError(
                "PERMISSION_DENIED", "registering here needs an invitation; ask somebody who has an account"
            )
        password_hash = await self._passwords.hash(password)
        at = now()
        user_id = ids.new_id()
        async with self._database.write() as connection:
            credentials = CredentialRepository(connection)
            if await credentials.login(emails.key_of(email)) is not None:
                raise _user_exists()
            tenant_id = await self._tenant(connection, request.invitation_token, display_name, at)
            caller = Caller(tenant_id, user_id)
            identity = IdentityRepository(connection, tenant_id)
            await identity.add_user(user_id, email, display_name or email)
            try:
                await credentials.add_password(caller, emails.key_of(email), password_hash, at)
            except IntegrityError:  # somebody else of that address was quicker
                raise _user_exists() from None
            tokens = await self._begin_session(credentials, caller, at)
            user, tenant = await identity.user(user_id), await identity.tenant()
        return auth_service_pb2.RegisterResponse(user=user, tenant=tenant, tokens=tokens)

    async def _tenant(self, connection: Connection, invitation: str, display_name: str, at: datetime) -> str:
        if not invitation:
            tenant_id = ids.new_id()
            # Not the e-mail address: whoever is invited later sees the tenant's name.
            await IdentityRepository(connection, tenant_id).add_tenant(display_name or "Untitled")
            return tenant_id
        invited_to = await CredentialRepository(connection).take_invitation(digest(invitation), at)
        if invited_to is None:
            raise EtudeError("PERMISSION_DENIED", "the invitation is not valid, or was used; ask for a new one")
        return invited_to

    async def login(self, request: auth_service_pb2.LoginRequest) -> auth_service_pb2.LoginResponse:
        """Tokens for an e-mail address and a password.

        Raises:
            EtudeError: UNAUTHENTICATED, the same whether the address or the password is wrong; RATE_LIMITED.
        """
        key = emails.key_of(request.email)
        async with self._database.write() as connection:
            await throttling.count_attempt(connection, key, now())
            known = await CredentialRepository(connection).login(key)
        password = passwords.normalised(request.password)
        if not await self._passwords.verify(known.password_hash if known else None, password) or known is None:
            raise EtudeError("UNAUTHENTICATED", "the e-mail address or the password is wrong")
        renewed = await self._passwords.hash(password) if self._passwords.outdated(known.password_hash) else ""
        at = now()
        async with self._database.write() as connection:
            credentials = CredentialRepository(connection)
            await throttling.forget_attempts(connection, key)
            if renewed:
                await credentials.set_password(known.caller, renewed, at)
            tokens = await self._begin_session(credentials, known.caller, at)
            user = await IdentityRepository(connection, known.caller.tenant_id).user(known.caller.user_id)
        return auth_service_pb2.LoginResponse(user=user, tokens=tokens)

    async def refresh(self, refresh_token: str) -> auth_service_pb2.Tokens:
        """New tokens for a refresh token.

        One that is used twice was stolen, from its owner or by them: nobody can tell, so the session ends (RFC 9700,
        section 4.14.2).

        Raises:
            EtudeError: UNAUTHENTICATED.
        """
        at = now()
        key = digest(refresh_token)
        tokens = None
        async with self._database.write() as connection:
            credentials = CredentialRepository(connection)
            known = await credentials.refresh_token(key)
            if known is not None and known.used:
                await credentials.revoke_session(known.session_id, at)
            elif known is not None and not known.revoked and known.expire_time > at:
                await credentials.use_refresh_token(key, at)
                await credentials.extend_session(known.session_id, at + self._policy.session_lifetime)
                tokens = await self._tokens_of(credentials, known.caller, known.session_id, at)
        if tokens is not None:
            return tokens
        if known is not None:
            self._authenticator.distrust(session_id=known.session_id)
        raise invalid_credentials()

    async def logout(self, principal: Principal) -> None:
        """End the session of whoever calls.

        Raises:
            EtudeError: PERMISSION_DENIED for a caller without a session.
        """
        if not principal.session_id:
            raise EtudeError("PERMISSION_DENIED", "there is no session to end; an API key is taken back by deleting it")
        async with self._database.write() as connection:
            await CredentialRepository(connection).revoke_session(principal.session_id, now())
        self._authenticator.distrust(session_id=principal.session_id)

    async def change_password(self, principal: Principal, current: str, new: str) -> None:
        """Set a new password, and end all sessions of the user but the calling one.

        Raises:
            EtudeError: PERMISSION_DENIED for an API key and for a wrong current password; INVALID_REQUEST;
                RATE_LIMITED.
        """
        _require_person(principal)
        caller = principal.caller
        password = passwords.prepared(new, "new_password")
        attempts_key = f"{caller.tenant_id}/{caller.user_id}"
        async with self._database.write() as connection:
            await throttling.count_attempt(connection, attempts_key, now())
            known = await CredentialRepository(connection).login_of(caller)
        if not await self._passwords.verify(known.password_hash if known else None, passwords.normalised(current)):
            raise EtudeError("PERMISSION_DENIED", "the current password is wrong")
        password_hash = await self._passwords.hash(password)
        async with self._database.write() as connection:
            credentials = CredentialRepository(connection)
            await throttling.forget_attempts(connection, attempts_key)
            await credentials.set_password(caller, password_hash, now())
            await credentials.revoke_sessions(caller, now(), but=principal.session_id)
        self._authenticator.distrust_all()

    async def invite(self, principal: Principal) -> auth_service_pb2.CreateInvitationResponse:
        """An invitation to the caller's tenant.

        Raises:
            EtudeError: PERMISSION_DENIED for an API key.
        """
        _require_person(principal)
        token, at = new_opaque_token(INVITATION_PREFIX), now()
        async with self._database.write() as connection:
            await CredentialRepository(connection).add_invitation(
                principal.caller, digest(token), at, at + INVITATION_LIFETIME
            )
        return auth_service_pb2.CreateInvitationResponse(
            invitation_token=token, expire_time=timestamp(at + INVITATION_LIFETIME)
        )

    async def create_api_key(
        self, principal: Principal, request: auth_service_pb2.CreateApiKeyRequest
    ) -> auth_service_pb2.CreateApiKeyResponse:
        """A new API key of the caller.

        Raises:
            EtudeError: PERMISSION_DENIED for an API key: one that leaks must not make others; INVALID_REQUEST.
        """
        _require_person(principal)
        at = now()
        if request.HasField("expire_time"):
            _require_future(request.expire_time, at)
        key = auth_service_pb2.ApiKey(
            api_key_id=ids.new_id(),
            display_name=checked_name(request.display_name) or "API key",
            create_time=timestamp(at),
        )
        if request.HasField("expire_time"):
            key.expire_time.CopyFrom(request.expire_time)
        secret = new_opaque_token(API_KEY_PREFIX)
        async with self._database.write() as connection:
            credentials = CredentialRepository(connection)
            if len(await credentials.list_api_keys(principal.caller, after=None, limit=MOST_API_KEYS)) == MOST_API_KEYS:
                raise EtudeError("INVALID_REQUEST", f"there are {MOST_API_KEYS} API keys already; delete one first")
            await credentials.add_api_key(principal.caller, key, digest(secret))
        return auth_service_pb2.CreateApiKeyResponse(api_key=key, secret=secret)

    async def delete_api_key(self, principal: Principal, api_key_id: str) -> None:
        """Take an API key back; an API key may do so, too.

        Raises:
            EtudeError: API_KEY_NOT_FOUND.
        """
        async with self._database.write() as connection:
            await CredentialRepository(connection).delete_api_key(principal.caller, api_key_id)
        self._authenticator.distrust(api_key_id=api_key_id)

    async def purge(self) -> None:
        """Remove what has expired."""
        async with self._database.write() as connection:
            await CredentialRepository(connection).purge(now())
            await throttling.purge_attempts(connection, now())

    async def _begin_session(
        self, credentials: CredentialRepository, caller: Caller, at: datetime
    ) -> auth_service_pb2.Tokens:
        session_id = ids.new_id()
        await credentials.add_session(caller, session_id, at, at + self._policy.session_lifetime)
        return await self._tokens_of(credentials, caller, session_id, at)

    async def _tokens_of(
        self, credentials: CredentialRepository, caller: Caller, session_id: str, at: datetime
    ) -> auth_service_pb2.Tokens:
        access, expires = self._tokens.issue(caller, session_id, at, self._policy.access_lifetime)
        refresh = new_opaque_token(REFRESH_PREFIX)
        await credentials.add_refresh_token(caller, session_id, digest(refresh), at)
        return auth_service_pb2.Tokens(
            access_token=access,
            access_expire_time=timestamp(expires),
            refresh_token=refresh,
            refresh_expire_time=timestamp(at + self._policy.session_lifetime),
        )


def checked_name(name: str) -> str:
    """A name for people without surrounding space.

    Raises:
        EtudeError: INVALID_REQUEST when it is too long or holds control characters.
    """
    trimmed = name.strip()
    if len(trimmed) > _NAME_LIMIT or not trimmed.isprintable():
        rule = f"must have at most {_NAME_LIMIT} printable characters"
        raise EtudeError("INVALID_REQUEST", f"the display_name {rule}", violations=[("display_name", rule)])
    return trimmed


def _require_future(moment: Timestamp, at: datetime) -> None:
    try:
        later = moment.ToDatetime(tzinfo=UTC) > at
    except (ValueError, OverflowError):  # before the year 1 or after 9999
        later = False
    if not later:
        rule = "must be in the future, and before the year 10000"
        raise EtudeError("INVALID_REQUEST", f"the expire_time {rule}", violations=[("expire_time", rule)])


def _require_person(principal: Principal) -> None:
    if principal.api_key_id:
        raise EtudeError("PERMISSION_DENIED", "an API key cannot do this; log in")


def _user_exists() -> EtudeError:
    return EtudeError("USER_EXISTS", "somebody of that e-mail address is registered; log in instead")
