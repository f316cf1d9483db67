"""Settings of the fingering service: environment variables with the prefix ETUDE_FINGERING_."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from etude.mesh.settings import ServiceSettings


class FingeringSettings(ServiceSettings):
    """Settings of the fingering service."""

    model_config = SettingsConfigDict(env_prefix="ETUDE_FINGERING_", extra="ignore", frozen=True, env_ignore_empty=True)

    address: str = Field(
        default="127.0.0.1:50052",
        description="Where to listen for gRPC: host:port (port 0 takes a free one) or unix:/path.",
    )
    workers: int = Field(default=1, ge=1, description="Scores fingered at the same time, each in a process of its own.")
    score_seconds: float = Field(default=120.0, gt=0, description="Longest time one Score may take.")
    score_memory_bytes: int = Field(
        default=2 * 1024**3, gt=0, description="Most memory one Score may take, in bytes, the worker's own included."
    )
