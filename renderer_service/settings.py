"""Settings of the renderer: environment variables with the prefix ETUDE_RENDERER_."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from etude.mesh.settings import ServiceSettings


class RendererSettings(ServiceSettings):
    """Settings of the renderer."""

    model_config = SettingsConfigDict(env_prefix="ETUDE_RENDERER_", extra="ignore", frozen=True, env_ignore_empty=True)

    address: str = Field(
        default="127.0.0.1:50053",
        description="Where to listen for gRPC: host:port (port 0 takes a free one) or unix:/path.",
    )
    workers: int = Field(default=2, ge=1, description="Steps run at the same time, each in a process of its own.")
    max_file_bytes: int = Field(default=100 * 1024**2, gt=0, description="Largest original taken, in bytes.")
    max_scores: int = Field(default=200, ge=1, description="Most Scores taken in one call.")
    max_scores_bytes: int = Field(
        default=256 * 1024**2, gt=0, description="Largest size of all Scores of a call together, in bytes."
    )
    step_seconds: float = Field(
        default=120.0,
        gt=0,
        description="Longest time one step of a rendering may take, plus thirty seconds a full megabyte of Scores.",
    )
    step_memory_bytes: int = Field(
        default=2 * 1024**3, gt=0, description="Most memory one step may use beyond what the warm worker has, in bytes."
    )

    def seconds_for_step(self, scores_bytes: int) -> float:
        """Longest time a step may take, in seconds: an engraved page is some 80 kB of Score, and a second's work or
        less on a free machine."""
        return self.step_seconds + 30.0 * (scores_bytes // 1_000_000)
