"""IdentityService."""

from __future__ import annotations

from typing import Any

import grpc.aio

from etude.identity.v1 import identity_service_pb2, identity_service_pb2_grpc
from orchestrator.caller import Caller
from orchestrator.options import check_preferences
from orchestrator.repositories.identity import IdentityRepository
from orchestrator.store import Store

_Context = grpc.aio.ServicerContext[Any, Any]


class IdentityService(identity_service_pb2_grpc.IdentityServiceServicer):
    """See proto/etude/identity/v1/identity_service.proto."""

    def __init__(self, store: Store, caller: Caller) -> None:
        self._store = store
        self._caller = caller

    async def GetCurrentUser(  # noqa: N802
        self, request: identity_service_pb2.GetCurrentUserRequest, context: _Context
    ) -> identity_service_pb2.GetCurrentUserResponse:
        """The calling user and tenant."""
        async with self._store.database.read() as connection:
            repository = IdentityRepository(connection, self._caller.tenant_id)
            return identity_service_pb2.GetCurrentUserResponse(
                user=await repository.user(self._caller.user_id), tenant=await repository.tenant()
            )

    async def GetUserPreferences(  # noqa: N802
        self, request: identity_service_pb2.GetUserPreferencesRequest, context: _Context
    ) -> identity_service_pb2.GetUserPreferencesResponse:
        """The calling user's preferences."""
        async with self._store.database.read() as connection:
            repository = IdentityRepository(connection, self._caller.tenant_id)
            preferences = await repository.preferences(self._caller.user_id)
        return identity_service_pb2.GetUserPreferencesResponse(preferences=preferences)

    async def UpdateUserPreferences(  # noqa: N802
        self, request: identity_service_pb2.UpdateUserPreferencesRequest, context: _Context
    ) -> identity_service_pb2.UpdateUserPreferencesResponse:
        """Replace the calling user's preferences."""
        check_preferences(request.preferences)
        async with self._store.database.write() as connection:
            repository = IdentityRepository(connection, self._caller.tenant_id)
            await repository.set_preferences(self._caller.user_id, request.preferences)
        return identity_service_pb2.UpdateUserPreferencesResponse(preferences=request.preferences)
