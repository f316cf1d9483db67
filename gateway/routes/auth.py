"""Users: register, log in and out, API keys, preferences."""

from datetime import UTC
from typing import Annotated, Any

from fastapi import Path, Query, Request, Response, status

from etude.client.json_form import to_json
from etude.client.names import enum_value
from etude.identity.v1 import auth_service_pb2, identity_service_pb2
from etude.stage.v1 import fingering_service_pb2, renderer_service_pb2
from gateway import identity_models as models
from gateway.answers import answer
from gateway.callers import client_of
from gateway.routing import api_router

public = api_router("auth", "/api/v1/auth")
"""What gives credentials needs none."""
router = api_router("auth", "/api/v1/auth")

ApiKeyId = Annotated[str, Path(description="The API key.", min_length=1, max_length=200)]


def _tokens(tokens: auth_service_pb2.Tokens) -> dict[str, Any]:
    return {"token_type": "bearer", **to_json(tokens)}


@public.post("/register", status_code=status.HTTP_201_CREATED, summary="Register")
async def register(request: Request, registration: models.Registration) -> models.Registered:
    """Creates a user, in a tenant of their own or, with an invitation, in that of whoever invited; logs in."""
    made = await client_of(request).register(
        registration.email,
        registration.password,
        display_name=registration.display_name,
        invitation_token=registration.invitation_token,
    )
    return models.Registered.model_validate({**to_json(made), "tokens": _tokens(made.tokens)})


@public.post("/login", summary="Log in")
async def login(request: Request, credentials: models.Credentials) -> models.LoggedIn:
    """Tokens for an e-mail address and a password. After some attempts in a row without success, the next must wait."""
    found = await client_of(request).login(credentials.email, credentials.password)
    return models.LoggedIn.model_validate({**to_json(found), "tokens": _tokens(found.tokens)})


@public.post("/refresh", summary="Stay logged in")
async def refresh(request: Request, body: models.Refresh) -> models.Tokens:
    """New tokens for a refresh token. It can be used once; using it again ends the whole session."""
    return models.Tokens.model_validate(_tokens(await client_of(request).refresh(body.refresh_token)))


@router.post("/logout", status_code=status.HTTP_204_NO_CONTENT, summary="Log out")
async def logout(request: Request) -> None:
    """Ends the session of the access token, its refresh tokens included."""
    await client_of(request).logout()


@router.post("/password", status_code=status.HTTP_204_NO_CONTENT, summary="Change the password")
async def change_password(request: Request, change: models.PasswordChange) -> None:
    """Sets a new password and ends all other sessions."""
    await client_of(request).change_password(change.current_password, change.new_password)


@router.get("/me", response_model=models.Me, summary="Who am I?")
async def get_me(request: Request) -> Response:
    """The calling user and tenant."""
    return answer(await client_of(request).current_user())


@router.get("/me/preferences", response_model=models.Preferences, summary="Preferences")
async def get_preferences(request: Request) -> Response:
    """What the caller's jobs take where their options leave it open."""
    return answer(await client_of(request).preferences())


@router.patch("/me/preferences", response_model=models.Preferences, summary="Change preferences")
async def update_preferences(request: Request, update: models.PreferencesUpdate) -> Response:
    """Changes the preferences named in the body, and leaves the others."""
    client = client_of(request)
    if not update.model_fields_set:
        return await get_preferences(request)
    wanted = identity_service_pb2.UserPreferences()
    if update.hand_profile is not None:
        wanted.hand_profile.max_span_semitones = update.hand_profile.max_span_semitones
        if update.hand_profile.size is not None:
            wanted.hand_profile.size = enum_value(
                fingering_service_pb2.HandSize, update.hand_profile.size, field="size"
            )
    if update.density is not None:
        wanted.density = enum_value(fingering_service_pb2.FingeringDensity, update.density, field="density")
    for name in update.formats or ():
        wanted.formats.append(enum_value(renderer_service_pb2.OutputFormat, name, field="formats"))
    return answer(await client.update_preferences(wanted, sorted(update.model_fields_set)))


@router.post("/invitations", response_model=models.Invitation, status_code=status.HTTP_201_CREATED, summary="Invite")
async def create_invitation(request: Request) -> Response:
    """Lets one person register in the caller's tenant. Within a tenant, jobs are still their owner's alone."""
    return answer(await client_of(request).create_invitation(), status.HTTP_201_CREATED)


@router.post(
    "/api-keys", response_model=models.ApiKeyCreated, status_code=status.HTTP_201_CREATED, summary="Make an API key"
)
async def create_api_key(request: Request, key: models.NewApiKey) -> Response:
    """A key for a machine that acts for the caller. An API key cannot make others."""
    expires = key.expire_time
    if expires is not None:
        expires = expires.replace(tzinfo=UTC) if expires.tzinfo is None else expires.astimezone(UTC)
    made = await client_of(request).create_api_key(key.display_name, expire_time=expires)
    return answer(made, status.HTTP_201_CREATED)


@router.get("/api-keys", response_model=models.ApiKeyList, summary="List API keys")
async def list_api_keys(
    request: Request,
    page_size: Annotated[int, Query(ge=0, le=1000, description="Most keys in the answer; 0 for 100.")] = 0,
    page_token: Annotated[str, Query(description="`next_page_token` of the previous answer.")] = "",
) -> Response:
    """The caller's API keys, oldest first."""
    page = await client_of(request).api_keys_page(page_size=page_size, page_token=page_token)
    return answer(page)


@router.delete("/api-keys/{api_key_id}", status_code=status.HTTP_204_NO_CONTENT, summary="Take an API key back")
async def delete_api_key(request: Request, api_key_id: ApiKeyId) -> None:
    """The key is good for nothing any more."""
    await client_of(request).delete_api_key(api_key_id)
