"""Settings of the OMR service: environment variables with the prefix ETUDE_OMR_."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from etude.mesh.settings import ServiceSettings


class OmrSettings(ServiceSettings):
    """Settings of the OMR service."""

    model_config = SettingsConfigDict(env_prefix="ETUDE_OMR_", extra="ignore", frozen=True, env_ignore_empty=True)

    address: str = Field(
        default="127.0.0.1:50051",
        description="Where to listen for gRPC: host:port (port 0 takes a free one) or unix:/path.",
    )
    workers: int = Field(default=2, ge=1, description="Pages read at the same time, each in a process of its own.")
    max_file_bytes: int = Field(default=100 * 1024**2, gt=0, description="Largest file taken, in bytes.")
    max_pages: int = Field(default=500, gt=0, description="Most pages a document may have.")
    max_page_points: float = Field(default=14_400.0, gt=0, description="Largest width and height of a page, in points.")
    page_seconds: float = Field(default=120.0, gt=0, description="Longest time one page may take.")
    page_memory_bytes: int = Field(
        default=1024**3, gt=0, description="Most memory one page may take, in bytes, beyond what an idle worker has."
    )
    open_seconds: float = Field(default=30.0, gt=0, description="Longest time opening the document may take.")
    import_seconds: float = Field(
        default=60.0, gt=0, description="Longest time importing a MusicXML or MIDI file may take."
    )
    join_seconds: float = Field(
        default=60.0, gt=0, description="Longest time joining the pages may take, plus five seconds for each page."
    )

    def seconds_to_join(self, pages: int) -> float:
        """Longest time joining so many pages may take, in seconds; it is a second or less a page on a free machine."""
        return self.join_seconds + 5.0 * pages
