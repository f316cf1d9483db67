"""IdentityService."""

from __future__ import annotations

from typing import Any

import grpc.aio

from etude.identity.v1 import identity_service_pb2, identity_service_pb2_grpc
from etude.identity.v1.identity_service_pb2 import UserPreferences
from orchestrator.identity.principal import current_caller
from orchestrator.options import check_preferences, merged
from orchestrator.repositories.identity import IdentityRepository
from orchestrator.store import Store

_Context = grpc.aio.ServicerContext[Any, Any]


class IdentityService(identity_service_pb2_grpc.IdentityServiceServicer):
    """See proto/etude/identity/v1/identity_service.proto."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def GetCurrentUser(
        self, request: identity_service_pb2.GetCurrentUserRequest, context: _Context
    ) -> identity_service_pb2.GetCurrentUserResponse:
        """The calling user and tenant."""
        caller = current_caller()
        async with self._store.database.read() as connection:
            repository = IdentityRepository(connection, caller.tenant_id)
            return identity_service_pb2.GetCurrentUserResponse(
                user=await repository.user(caller.user_id), tenant=await repository.tenant()
            )

    async def GetUserPreferences(
        self, request: identity_service_pb2.GetUserPreferencesRequest, context: _Context
    ) -> identity_service_pb2.GetUserPreferencesResponse:
        """The calling user's preferences."""
        caller = current_caller()
        async with self._store.database.read() as connection:
            repository = IdentityRepository(connection, caller.tenant_id)
            preferences = await repository.preferences(caller.user_id)
        return identity_service_pb2.GetUserPreferencesResponse(preferences=preferences)

    async def UpdateUserPreferences(
        self, request: identity_service_pb2.UpdateUserPreferencesRequest, context: _Context
    ) -> identity_service_pb2.UpdateUserPreferencesResponse:
        """Change the calling user's preferences."""
        caller = current_caller()
        async with self._store.database.write() as connection:
            repository = IdentityRepository(connection, caller.tenant_id)
            known = await repository.preferences(caller.user_id) if request.update_mask.paths else UserPreferences()
            preferences = merged(known, request.preferences, request.update_mask.paths)
            check_preferences(preferences)
            await repository.set_preferences(caller.user_id, preferences)
        return identity_service_pb2.UpdateUserPreferencesResponse(preferences=preferences)
