"""Uploads: what the orchestrator itself checks before anything is kept.

Only what can be told from sizes and the first bytes is checked here. The orchestrator never parses a document: that is
left to the killable workers of the OMR stage, which is asked next (`Stages.inspect`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from etude.mesh.errors import EtudeError
from etude.mesh.limits import MAX_CHUNK_BYTES
from orchestrator.blobs.port import Upload

#: A PDF may begin with other bytes; readers look for its mark in the first kilobyte.
_HEAD_BYTES = 1024
_ACCEPTED = "PDF"


def media_type_of(head: bytes) -> str | None:
    """The media type that the first kilobyte of a file tells, if it is one Étude reads."""
    return "application/pdf" if b"%PDF-" in head[:_HEAD_BYTES] else None


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
            head += chunk[: _HEAD_BYTES - len(head)]
            media_type = media_type_of(head)
            if media_type is None and len(head) >= _HEAD_BYTES:
                raise _unsupported()
        if chunk:
            await upload.write(chunk)
    if upload.size_bytes == 0:
        raise EtudeError("EMPTY_FILE", "the file is empty; choose the PDF of the score")
    if media_type is None:
        raise _unsupported()
    return media_type


def _unsupported() -> EtudeError:
    return EtudeError(
        "UNSUPPORTED_MEDIA_TYPE",
        f"the file is not a {_ACCEPTED}, whatever its name says; Étude reads {_ACCEPTED} files",
        metadata={"accepted": "application/pdf"},
    )


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >= 1 << 20 and count % (1 << 20) == 0 else f"{count:,} bytes"
