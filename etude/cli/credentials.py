"""What `etude login` keeps: the tokens of each mesh, in a file that only this user can read."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from etude.client import AsyncEtudeClient
from etude.identity.v1 import auth_service_pb2
from etude.mesh.errors import EtudeError
from etude.mesh.user_directories import user_directory

_FRESH_S = 60.0
"""An access token that is good for less than this is refreshed first."""


def credentials_file() -> Path:
    """The user's file by the XDG convention."""
    return user_directory("XDG_CONFIG_HOME", ".config") / "etude" / "credentials.json"


async def stored_token(server: str) -> str:
    """The access token of whoever is logged in at a mesh, refreshed when it is about to expire; empty for nobody.

    Raises:
        EtudeError: UNAUTHENTICATED when the session is over.
    """
    if server not in _read(credentials_file()):
        return ""
    # A refresh token is good once: of two commands at the same time, one waits and finds the other's new tokens.
    with _locked() as path:
        known = _read(path).get(server)
        if known is None:
            return ""
        if known["access_expire_time"] - time.time() > _FRESH_S:
            return str(known["access_token"])
        async with AsyncEtudeClient(server) as client:
            try:
                tokens = await client.refresh(known["refresh_token"])
            except EtudeError as error:
                if error.reason != "UNAUTHENTICATED":
                    raise
                _write(path, {name: entry for name, entry in _read(path).items() if name != server})
                raise EtudeError("UNAUTHENTICATED", f"The session at {server} is over; `etude login` again.") from error
        _write(path, _read(path) | {server: _entry(tokens)})
        return tokens.access_token


def keep(server: str, tokens: auth_service_pb2.Tokens) -> None:
    """Keep the tokens of a mesh."""
    with _locked() as path:
        _write(path, _read(path) | {server: _entry(tokens)})


def forget(server: str) -> None:
    """Forget the tokens of a mesh."""
    with _locked() as path:
        _write(path, {name: entry for name, entry in _read(path).items() if name != server})


def _entry(tokens: auth_service_pb2.Tokens) -> dict[str, Any]:
    return {
        "access_token": tokens.access_token,
        "access_expire_time": tokens.access_expire_time.seconds,
        "refresh_token": tokens.refresh_token,
    }


@contextlib.contextmanager
def _locked() -> Iterator[Path]:
    path = credentials_file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield path
    finally:
        os.close(descriptor)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise EtudeError("INVALID_REQUEST", f"{path} is damaged; remove it and log in again.") from error
    return found if isinstance(found, dict) else {}


def _write(path: Path, content: dict[str, Any]) -> None:
    draft = path.with_suffix(".part")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
    draft.replace(path)
