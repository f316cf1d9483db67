"""Directories that are gone afterwards, even those of processes that were killed."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch_directory(root: Path, prefix: str) -> Iterator[Path]:
    """A directory under `root` that only this user can enter, removed at the end of the block.

    Its name holds the process id, by which those that killed processes have left are known and removed first.

    Args:
        root: Where it is made; made if missing.
        prefix: Start of its name; nothing else under `root` may begin like that and go on with a number.
    """
    root.mkdir(parents=True, exist_ok=True)
    for left in root.glob(f"{prefix}*"):
        if _is_orphaned(left.name.removeprefix(prefix)):
            shutil.rmtree(left, ignore_errors=True)
    directory = root / f"{prefix}{os.getpid()}-{secrets.token_hex(4)}"
    directory.mkdir(mode=0o700)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _is_orphaned(name: str) -> bool:
    """True when a name begins with the id of a process that is no more."""
    pid = name.partition("-")[0]
    if not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False
