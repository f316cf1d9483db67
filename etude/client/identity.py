"""The client's calls about users, tokens and API keys, and about how the mesh is doing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from etude.client.calls import Calls
from etude.identity.v1 import (
    auth_service_pb2,
    auth_service_pb2_grpc,
    identity_service_pb2,
    identity_service_pb2_grpc,
)
from etude.job.v1 import system_service_pb2, system_service_pb2_grpc


class IdentityCalls(Calls):
    """Calls of AuthService, IdentityService and SystemService."""

    @property
    def _auth(self) -> auth_service_pb2_grpc.AuthServiceAsyncStub:
        return auth_service_pb2_grpc.AuthServiceStub(self.channel)

    @property
    def _identity(self) -> identity_service_pb2_grpc.IdentityServiceAsyncStub:
        return identity_service_pb2_grpc.IdentityServiceStub(self.channel)

    async def register(
        self, email: str, password: str, *, display_name: str = "", invitation_token: str = ""
    ) -> auth_service_pb2.RegisterResponse:
        """Creates a user and logs in; with an invitation, in the tenant of whoever invited.

        Raises:
            EtudeError: INVALID_REQUEST, USER_EXISTS, PERMISSION_DENIED, RATE_LIMITED.
        """
        request = auth_service_pb2.RegisterRequest(
            email=email, password=password, display_name=display_name, invitation_token=invitation_token
        )
        return await self.unary(self._auth.Register, request)

    async def login(self, email: str, password: str) -> auth_service_pb2.LoginResponse:
        """Tokens for an e-mail address and a password.

        Raises:
            EtudeError: UNAUTHENTICATED, RATE_LIMITED.
        """
        return await self.unary(self._auth.Login, auth_service_pb2.LoginRequest(email=email, password=password))

    async def refresh(self, refresh_token: str) -> auth_service_pb2.Tokens:
        """New tokens for a refresh token, which can be used once.

        Raises:
            EtudeError: UNAUTHENTICATED.
        """
        request = auth_service_pb2.RefreshTokenRequest(refresh_token=refresh_token)
        return (await self.unary(self._auth.RefreshToken, request)).tokens

    async def logout(self) -> None:
        """Ends the session of the access token in use."""
        await self.unary(self._auth.Logout, auth_service_pb2.LogoutRequest())

    async def change_password(self, current_password: str, new_password: str) -> None:
        """Sets a new password and ends the user's other sessions.

        Raises:
            EtudeError: PERMISSION_DENIED, INVALID_REQUEST, RATE_LIMITED.
        """
        request = auth_service_pb2.ChangePasswordRequest(current_password=current_password, new_password=new_password)
        await self.unary(self._auth.ChangePassword, request)

    async def create_invitation(self) -> auth_service_pb2.CreateInvitationResponse:
        """Lets somebody else register in the caller's tenant."""
        return await self.unary(self._auth.CreateInvitation, auth_service_pb2.CreateInvitationRequest())

    async def create_api_key(
        self, display_name: str = "", *, expire_time: datetime | None = None
    ) -> auth_service_pb2.CreateApiKeyResponse:
        """A new API key; its text comes this once.

        Raises:
            EtudeError: INVALID_REQUEST; PERMISSION_DENIED for a caller with an API key.
        """
        request = auth_service_pb2.CreateApiKeyRequest(display_name=display_name)
        if expire_time is not None:
            request.expire_time.FromDatetime(expire_time)
        return await self.unary(self._auth.CreateApiKey, request)

    async def api_keys_page(self, *, page_size: int = 0, page_token: str = "") -> auth_service_pb2.ListApiKeysResponse:
        """One page of the caller's API keys, oldest first, with the token of the next page."""
        request = auth_service_pb2.ListApiKeysRequest(page_size=page_size, page_token=page_token)
        return await self.unary(self._auth.ListApiKeys, request)

    async def delete_api_key(self, api_key_id: str) -> None:
        """Takes an API key back.

        Raises:
            EtudeError: API_KEY_NOT_FOUND.
        """
        await self.unary(self._auth.DeleteApiKey, auth_service_pb2.DeleteApiKeyRequest(api_key_id=api_key_id))

    async def current_user(self) -> identity_service_pb2.GetCurrentUserResponse:
        """The calling user and tenant."""
        return await self.unary(self._identity.GetCurrentUser, identity_service_pb2.GetCurrentUserRequest())

    async def preferences(self) -> identity_service_pb2.UserPreferences:
        """The caller's preferences."""
        request = identity_service_pb2.GetUserPreferencesRequest()
        return (await self.unary(self._identity.GetUserPreferences, request)).preferences

    async def update_preferences(
        self, preferences: identity_service_pb2.UserPreferences, fields: Iterable[str] = ()
    ) -> identity_service_pb2.UserPreferences:
        """Changes the caller's preferences: the fields named, or all of them.

        Raises:
            EtudeError: INVALID_REQUEST.
        """
        request = identity_service_pb2.UpdateUserPreferencesRequest(preferences=preferences)
        request.update_mask.paths.extend(fields)
        return (await self.unary(self._identity.UpdateUserPreferences, request)).preferences

    async def system_health(self) -> system_service_pb2.GetSystemHealthResponse:
        """How the database, the object store and the stages are doing."""
        stub: system_service_pb2_grpc.SystemServiceAsyncStub = system_service_pb2_grpc.SystemServiceStub(self.channel)
        return await self.unary(stub.GetSystemHealth, system_service_pb2.GetSystemHealthRequest())
