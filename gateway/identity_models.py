"""The JSON of users, tokens, API keys and preferences."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.models import FingeringDensity, HandProfile, HandSize, Model, OutputFormat

NewPassword = Annotated[str, Field(min_length=12, max_length=256, json_schema_extra={"format": "password"})]
"""A password that is set."""
Password = Annotated[str, Field(min_length=1, max_length=1024, json_schema_extra={"format": "password"})]
"""A password that is checked, whatever the rules were when it was set."""
Email = Annotated[
    str,
    Field(
        min_length=3,
        max_length=254,
        pattern=r"^[^\s@\x00-\x1f\x7f]{1,64}@[^\s@.\x00-\x1f\x7f]+(\.[^\s@.\x00-\x1f\x7f]+)*$",
        examples=["ada@example.org"],
    ),
]
"""An e-mail address as the orchestrator takes it."""
Name = Annotated[str, Field(max_length=200, description="Name for people.")]


class RequestModel(BaseModel):
    """Base of the bodies of requests: a field that is not known is refused, for it may be a slip of the pen."""

    model_config = ConfigDict(extra="forbid")


class Registration(RequestModel):
    """A new user."""

    email: Email
    password: NewPassword
    display_name: Name = ""
    invitation_token: str = Field(default="", max_length=200, description="To join the tenant of whoever invited.")


class Credentials(RequestModel):
    """Who wants to log in."""

    email: str = Field(min_length=1, max_length=254, examples=["ada@example.org"])
    password: Password


class Refresh(RequestModel):
    """The latest refresh token of a session."""

    refresh_token: str = Field(min_length=1, max_length=200)


class PasswordChange(RequestModel):
    """The password so far and the new one."""

    current_password: Password
    new_password: NewPassword


class NewApiKey(RequestModel):
    """An API key to be made."""

    display_name: Name = ""
    expire_time: datetime | None = Field(default=None, description="Null for a key that does not expire.")


class HandProfileUpdate(RequestModel):
    """The player's hand."""

    size: HandSize | None = None
    max_span_semitones: int = Field(default=0, strict=True, ge=0, le=20, description="10 to 20; 0 for that of `size`.")


class PreferencesUpdate(RequestModel):
    """What is left out stays as it is; null takes a preference back."""

    hand_profile: HandProfileUpdate | None = None
    density: FingeringDensity | None = None
    formats: list[OutputFormat] | None = None


class Tokens(Model):
    """What proves who calls."""

    token_type: Literal["bearer"]
    access_token: str = Field(description="Goes with every request: `Authorization: Bearer …`.")
    access_expire_time: datetime
    refresh_token: str = Field(description="Good for one refresh.")
    refresh_expire_time: datetime


class User(Model):
    """A user."""

    user_id: str
    tenant_id: str
    email: str
    display_name: str
    create_time: datetime | None


class Tenant(Model):
    """A group of users that share nothing with other tenants."""

    tenant_id: str
    display_name: str
    create_time: datetime | None


class Registered(Model):
    """A new user, logged in."""

    user: User
    tenant: Tenant
    tokens: Tokens


class LoggedIn(Model):
    """A user, logged in."""

    user: User
    tokens: Tokens


class Me(Model):
    """Who calls."""

    user: User
    tenant: Tenant


class Invitation(Model):
    """Lets one person register in the caller's tenant."""

    invitation_token: str
    expire_time: datetime


class ApiKey(Model):
    """An API key, without its text."""

    api_key_id: str
    display_name: str
    create_time: datetime
    expire_time: datetime | None


class ApiKeyCreated(Model):
    """A new API key and its text, which is never told again."""

    api_key: ApiKey
    secret: str = Field(description="Goes with every request: `Authorization: Bearer …`.")


class ApiKeyList(Model):
    """A page of API keys, oldest first."""

    api_keys: list[ApiKey]
    next_page_token: str


class Preferences(Model):
    """What a user's jobs take where their options leave it open."""

    hand_profile: HandProfile | None
    density: FingeringDensity | None
    formats: list[OutputFormat] = Field(description="Empty for all.")
