"""Uploads: what the orchestrator itself checks before anything is kept.

Only what can be told from sizes and the first bytes is checked here. The orchestrator never parses a document: that is
left to the killable workers of the OMR stage, which is asked next (`Stages.inspect`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from etude.media_types import HEAD_BYTES, NAMES, media_type_of
from etude.mesh.errors import EtudeError
from etude.mesh.limits import MAX_CHUNK_BYTES
from orchestrator.blobs.port import Upload


async def receive(chunks: AsyncIterator[bytes], upload: Upload, *, limit_bytes: int) -> str:
    """Write a file to `upload` as it comes; its media type.

    Raises:
        EtudeError: INVALID_REQUEST for a chunk beyond 1 MiB; FILE_TOO_LARGE as soon as the limit is passed, with no
            byte beyond it written; UNSUPPORTED_MEDIA_TYPE as soon as the first kilobyte is here; EMPTY_FILE.
    """
    head = b""
    media_type: str | None = None
    async for chunk in chunks:
        if len(chunk) > MAX_CHUNK_BYTES:
            raise EtudeError("INVALID_REQUEST", f"a chunk has {len(chunk)} bytes; send at most 1 MiB at a time")
        if upload.size_bytes + len(chunk) > limit_bytes:
            raise EtudeError(
                "FILE_TOO_LARGE",
                f"the file is larger than {_size(limit_bytes)}; split it or reduce the resolution of its images",
                metadata={"limit_bytes": str(limit_bytes)},
            )
        if media_type is None:
            head += chunk[: HEAD_BYTES - len(head)]
            if len(head) >= HEAD_BYTES:
                media_type = _supported(head)
        if chunk:
            await upload.write(chunk)
    if upload.size_bytes == 0:
        raise EtudeError("EMPTY_FILE", "the file is empty; choose a PDF, picture, MusicXML or MIDI file")
    return media_type or _supported(head)


def _supported(head: bytes) -> str:
    """The media type of a file that may be read: the stage that reads it has the last word.

    Raises:
        EtudeError: UNSUPPORTED_MEDIA_TYPE.
    """
    media_type = media_type_of(head)
    if media_type is None:
        raise EtudeError(
            "UNSUPPORTED_MEDIA_TYPE",
            "the file is not a PDF, picture (PNG, JPEG, TIFF), MusicXML or MIDI file, whatever its name says",
            metadata={"accepted": ",".join(NAMES)},
        )
    return media_type


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >= 1 << 20 and count % (1 << 20) == 0 else f"{count:,} bytes"
