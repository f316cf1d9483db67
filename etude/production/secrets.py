"""The passwords and keys of a production mesh on one machine, made at its first start."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """What is kept in `secrets.json`, readable by its owner alone.

    Attributes:
        postgres: Password in PostgreSQL.
        s3: Secret key for the S3 service.
        valkey: Password in Valkey.
        auth: What access tokens are signed with.
    """

    postgres: str
    s3: str
    valkey: str
    auth: str


def load_secrets(directory: Path) -> Secrets:
    """The secrets of a data directory; made where there are none.

    Raises:
        ValueError: The file is not what was written.
    """
    path = directory / "secrets.json"
    if not path.exists():
        made = Secrets(*(secrets.token_hex(32) for _ in range(4)))
        unfinished = path.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(made), file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
    try:
        return Secrets(**json.loads(path.read_text()))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} does not hold the secrets of a mesh: {error}") from error
