"""Settings of the orchestrator: `ETUDE_ORCHESTRATOR_…`, and where the stages are: `ETUDE_OMR_TARGET` and so on."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from etude.mesh.settings import ServiceSettings
from etude.mesh.user_directories import user_directory
from orchestrator.identity.secret import MIN_SECRET_BYTES
from orchestrator.store import MOST_INLINE_BYTES


def default_data_dir() -> Path:
    """The user's data directory by the XDG convention."""
    return user_directory("XDG_DATA_HOME", ".local/share") / "etude"


class OrchestratorSettings(ServiceSettings):
    """What the orchestrator needs to run."""

    model_config = SettingsConfigDict(
        env_prefix="ETUDE_ORCHESTRATOR_", extra="ignore", frozen=True, env_ignore_empty=True, populate_by_name=True
    )

    address: str = Field(default="127.0.0.1:50050", description="Where to listen for gRPC.")
    data_dir: Path = Field(
        default_factory=default_data_dir, description="Directory of the embedded database and of the artifacts."
    )
    database_url: str = Field(
        default="",
        description="URL of the database, postgresql://user:password@host/name, as a role that is no superuser; empty "
        "for an SQLite file in data_dir.",
    )
    s3_endpoint: str = Field(
        default="", description="URL of the S3 service that keeps the artifacts; empty for files in data_dir."
    )
    s3_bucket: str = Field(default="etude", description="Bucket of the artifacts; made if it is not there.")
    s3_region: str = Field(default="us-east-1", description="Region that requests to S3 are signed for.")
    s3_access_key: str = Field(default="", description="Public half of the credentials for S3.")
    s3_secret_key: SecretStr = Field(default=SecretStr(""), description="Secret half of the credentials for S3.")
    s3_presigned_seconds: int = Field(
        default=0,
        ge=0,
        le=3600,
        description="How long a URL is good under which S3 gives an artifact to whoever has it; 0 for no such URLs.",
    )
    s3_public_endpoint: str = Field(
        default="",
        description="URL of the same S3 service as clients reach it, for these URLs; empty when it is s3_endpoint.",
    )
    inline_artifact_bytes: int = Field(
        default=MOST_INLINE_BYTES,
        ge=0,
        le=MOST_INLINE_BYTES,
        description="Largest artifact whose bytes are kept in the database, beside its row, instead of among the files "
        "or in S3; 0 keeps none there, and moves those that are there out at the start.",
    )
    executor_id: str = Field(
        default="orchestrator",
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="Name of this orchestrator, different from all others on the same database; must stay the same "
        "over restarts, so that it finds its jobs again.",
    )
    heartbeat_seconds: float = Field(
        default=3.0, gt=0, description="How often an orchestrator on PostgreSQL shows the others that it lives."
    )
    silence_seconds: float = Field(
        default=15.0, gt=0, description="How long it may be silent before the others take over its jobs."
    )
    omr_target: str = Field(
        default="127.0.0.1:50051", validation_alias="ETUDE_OMR_TARGET", description="Address of the OMR stage."
    )
    fingering_target: str = Field(
        default="127.0.0.1:50052",
        validation_alias="ETUDE_FINGERING_TARGET",
        description="Address of the fingering stage.",
    )
    renderer_target: str = Field(
        default="127.0.0.1:50053",
        validation_alias="ETUDE_RENDERER_TARGET",
        description="Address of the rendering stage.",
    )
    max_upload_bytes: int = Field(default=100 << 20, gt=0, description="Largest file a job takes.")
    max_active_jobs: int = Field(
        default=1000, gt=0, description="Most jobs of one tenant that are under way; more are refused for the while."
    )
    max_active_jobs_in_all: int = Field(
        default=10_000, gt=0, description="Most jobs of all tenants together that wait or are worked on."
    )
    inspection_timeout_seconds: float = Field(
        default=10.0, gt=0, description="How long the OMR stage may look at an upload before the job is taken unseen."
    )
    omr_timeout_seconds: float = Field(default=3600.0, gt=0, description="Longest reading of one document.")
    fingering_timeout_seconds: float = Field(default=600.0, gt=0, description="Longest fingering of one Score.")
    rendering_timeout_seconds: float = Field(default=1800.0, gt=0, description="Longest rendering of one job.")
    stage_patience_seconds: float = Field(
        default=30.0, ge=0, description="How long a stage that cannot be reached is tried again before the job fails."
    )
    stage_concurrency: int = Field(default=8, gt=0, description="Most calls to one stage at a time.")
    step_runs_limit: int = Field(
        default=5, gt=0, description="How often a stage is begun again after crashes before the job is given up."
    )
    progress_interval_seconds: float = Field(
        default=0.25, ge=0, description="Least time between stored progress events within one page."
    )

    auth_secret: SecretStr = Field(
        default=SecretStr(""),
        description="What access tokens are signed with, at least 32 characters; the same for all orchestrators of one "
        "database. Setting it makes everybody log in. Not set: one is made in data_dir, and calls without credentials "
        "are the local user's, who can only be on this machine.",
    )
    access_token_seconds: int = Field(
        default=900, ge=10, le=86_400, description="How long an access token is good before it has to be refreshed."
    )
    session_days: float = Field(
        default=30.0, gt=0, le=366, description="How long a session that is not refreshed goes on."
    )
    registration: Literal["open", "invited"] = Field(
        default="open", description="Who may register: anybody, or who was invited by a user."
    )

    def missing_secret(self) -> str | None:
        """The variable of the secret, until it is set."""
        return None if self.auth_secret.get_secret_value() else "ETUDE_ORCHESTRATOR_AUTH_SECRET"

    @field_validator("auth_secret")
    @classmethod
    def _is_long_enough(cls, secret: SecretStr) -> SecretStr:
        if 0 < len(secret.get_secret_value().encode()) < MIN_SECRET_BYTES:
            raise ValueError(
                f"the secret must have at least {MIN_SECRET_BYTES} characters; `openssl rand -hex 32` does"
            )
        return secret

    @property
    def resolved_database_url(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite:///{self.data_dir / 'etude.sqlite'}"
