"""The secret that access tokens are signed with."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

#: HMAC-SHA-256 wants a key of at least its digest's size (RFC 7518, section 3.2).
MIN_SECRET_BYTES = 32
_FILE = "auth-secret"


def secret_of(data_dir: Path) -> bytes:
    """The secret of a data directory, made at the first start; only this user can read it.

    Raises:
        OSError: It cannot be read or written, or is too short to be one.
    """
    path = data_dir / _FILE
    if not path.exists():
        # Written beside and renamed: a start that is cut off leaves no half secret.
        draft = data_dir / f".{_FILE}.{os.getpid()}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(MIN_SECRET_BYTES))
                file.flush()
                os.fsync(file.fileno())
            draft.rename(path)
        finally:
            draft.unlink(missing_ok=True)
    secret = path.read_bytes().strip()
    if len(secret) < MIN_SECRET_BYTES:
        raise OSError(f"{path} is too short for a secret; remove it, and a new one is made at the next start")
    return secret
