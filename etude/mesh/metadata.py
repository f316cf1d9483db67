"""The gRPC metadata of the mesh: names of the keys, and reading them safely."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable

REQUEST_ID_KEY = "x-request-id"
JOB_ID_KEY = "x-etude-job-id"
TRACE_ID_KEY = "x-etude-trace-id"

_SAFE_ID = re.compile(r"[A-Za-z0-9._:/@+=-]{1,128}")


def new_request_id() -> str:
    """A fresh request id."""
    return uuid.uuid4().hex


def safe_id(value: str | bytes | None) -> str:
    """An id from outside if it can go into logs and headers as it is; empty otherwise."""
    return value if isinstance(value, str) and _SAFE_ID.fullmatch(value) else ""


def metadata_dict(metadata: Iterable[tuple[str, str | bytes]] | None) -> dict[str, str]:
    """The textual entries of gRPC metadata; of a repeated key the last."""
    return {key: value for key, value in metadata or () if isinstance(value, str)}
