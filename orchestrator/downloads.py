"""Giving out the bytes of artifacts, checked against their SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

from etude.mesh.errors import EtudeError
from etude.mesh.logging import get_logger
from orchestrator.blobs.port import BlobNotFoundError
from orchestrator.repositories.artifacts import StoredArtifact
from orchestrator.store import Store

_log = get_logger(__name__)

#: A range of an artifact of up to this size is checked by reading all of it. For larger ones that would make every
#: small range cost the whole file; of those, only whole downloads are checked.
_CHECKED_WHOLE_BYTES = 8 << 20


def check_range(stored: StoredArtifact, offset: int, length: int) -> None:
    """Accept a range of an artifact, or say why not.

    Raises:
        EtudeError: INVALID_REQUEST; OUT_OF_RANGE when it begins beyond the end.
    """
    if offset < 0 or length < 0:
        raise EtudeError(
            "INVALID_REQUEST",
            "offset and length must not be negative",
            violations=[("offset" if offset < 0 else "length", "must not be negative")],
        )
    size = stored.artifact.size_bytes
    if offset > size or (offset == size and length):
        raise EtudeError("OUT_OF_RANGE", f"byte {offset} is beyond the end; the artifact has {size}")


async def download(store: Store, stored: StoredArtifact, *, offset: int, length: int) -> AsyncIterator[bytes]:
    """The bytes of a checked range: from `offset` on, `length` of them or, for 0, all.

    Raises:
        EtudeError: CHECKSUM_MISMATCH, at the latest after the last byte, when the bytes are not those that were stored.
    """
    artifact = stored.artifact
    end = min(offset + length, artifact.size_bytes) if length else artifact.size_bytes
    whole = offset == 0 and end == artifact.size_bytes
    checked = whole or artifact.size_bytes <= _CHECKED_WHOLE_BYTES
    position, wanted = (0, None) if checked else (offset, end - offset)
    sha256 = hashlib.sha256()
    sent = 0
    try:
        async for chunk in store.read(stored, position, wanted):
            if checked:
                sha256.update(chunk)
            part = chunk[max(0, offset - position) : max(0, end - position)]
            position += len(chunk)
            if part:
                sent += len(part)
                yield part
    except BlobNotFoundError:
        raise _damaged(stored) from None
    if sent != end - offset or (checked and sha256.hexdigest() != artifact.sha256):
        raise _damaged(stored)


def _damaged(stored: StoredArtifact) -> EtudeError:
    _log.error("stored bytes are damaged", artifact_id=stored.artifact.artifact_id, blob_key=stored.blob_key)
    return EtudeError(
        "CHECKSUM_MISMATCH",
        f"the stored bytes of {stored.artifact.filename} are not those that were written; run the job again",
    )
