"""Ids of jobs, artifacts, users and what else there is."""

from __future__ import annotations

import secrets
import time
import uuid

_ARTIFACTS = uuid.UUID("6f9d1a52-58a4-5c0e-9b0e-6d0f6b0d3a11")


def new_id() -> str:
    """A new UUID of version 7 (RFC 9562): ids made later sort later, which keeps the index compact."""
    milliseconds = time.time_ns() // 1_000_000
    value = (
        (milliseconds & (1 << 48) - 1) << 80
        | 0x7 << 76
        | secrets.randbits(12) << 64
        | 0b10 << 62
        | secrets.randbits(62)
    )
    return str(uuid.UUID(int=value))


def artifact_id(job_id: str, kind: str, score_index: int, page_number: int, revision: int, sha256: str) -> str:
    """The id of an artifact: a UUID of version 5 over what it is and what it holds.

    Made from the content, so that a stage that runs again after a crash stores the same bytes under the same id and
    nothing is there twice.
    """
    return str(uuid.uuid5(_ARTIFACTS, f"{job_id}/{kind}/{score_index}/{page_number}/{revision}/{sha256}"))
