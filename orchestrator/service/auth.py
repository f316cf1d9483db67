"""AuthService."""

from __future__ import annotations

from typing import Any

import grpc.aio

from etude.identity.v1 import auth_service_pb2, auth_service_pb2_grpc
from orchestrator import paging
from orchestrator.identity.accounts import Accounts
from orchestrator.identity.principal import current_caller, current_principal
from orchestrator.repositories.credentials import CredentialRepository
from orchestrator.store import Store

_Context = grpc.aio.ServicerContext[Any, Any]
_PAGE_SIZE = 100


class AuthService(auth_service_pb2_grpc.AuthServiceServicer):
    """See proto/etude/identity/v1/auth_service.proto."""

    def __init__(self, store: Store, accounts: Accounts) -> None:
        self._store = store
        self._accounts = accounts

    async def Register(
        self, request: auth_service_pb2.RegisterRequest, context: _Context
    ) -> auth_service_pb2.RegisterResponse:
        """Create a user."""
        return await self._accounts.register(request)

    async def Login(self, request: auth_service_pb2.LoginRequest, context: _Context) -> auth_service_pb2.LoginResponse:
        """Begin a session."""
        return await self._accounts.login(request)

    async def RefreshToken(
        self, request: auth_service_pb2.RefreshTokenRequest, context: _Context
    ) -> auth_service_pb2.RefreshTokenResponse:
        """Go on with a session."""
        return auth_service_pb2.RefreshTokenResponse(tokens=await self._accounts.refresh(request.refresh_token))

    async def Logout(
        self, request: auth_service_pb2.LogoutRequest, context: _Context
    ) -> auth_service_pb2.LogoutResponse:
        """End the session."""
        await self._accounts.logout(current_principal())
        return auth_service_pb2.LogoutResponse()

    async def ChangePassword(
        self, request: auth_service_pb2.ChangePasswordRequest, context: _Context
    ) -> auth_service_pb2.ChangePasswordResponse:
        """Set a new password."""
        await self._accounts.change_password(current_principal(), request.current_password, request.new_password)
        return auth_service_pb2.ChangePasswordResponse()

    async def CreateInvitation(
        self, request: auth_service_pb2.CreateInvitationRequest, context: _Context
    ) -> auth_service_pb2.CreateInvitationResponse:
        """Invite somebody to the caller's tenant."""
        return await self._accounts.invite(current_principal())

    async def CreateApiKey(
        self, request: auth_service_pb2.CreateApiKeyRequest, context: _Context
    ) -> auth_service_pb2.CreateApiKeyResponse:
        """Create an API key."""
        return await self._accounts.create_api_key(current_principal(), request)

    async def ListApiKeys(
        self, request: auth_service_pb2.ListApiKeysRequest, context: _Context
    ) -> auth_service_pb2.ListApiKeysResponse:
        """The caller's API keys."""
        caller = current_caller()
        size = paging.page_size(request.page_size, _PAGE_SIZE)
        question = f"ListApiKeys {caller}"
        position = paging.read_token(question, request.page_token, (int, str))
        after = None if position is None else (paging.from_microseconds(int(position[0])), str(position[1]))
        async with self._store.database.read() as connection:
            keys = await CredentialRepository(connection).list_api_keys(caller, after=after, limit=size + 1)
        answer = auth_service_pb2.ListApiKeysResponse(api_keys=keys[:size])
        if len(keys) > size:
            last = keys[size - 1]
            answer.next_page_token = paging.make_token(question, last.create_time.ToMicroseconds(), last.api_key_id)
        return answer

    async def DeleteApiKey(
        self, request: auth_service_pb2.DeleteApiKeyRequest, context: _Context
    ) -> auth_service_pb2.DeleteApiKeyResponse:
        """Take an API key back."""
        await self._accounts.delete_api_key(current_principal(), request.api_key_id)
        return auth_service_pb2.DeleteApiKeyResponse()
