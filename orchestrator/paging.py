"""Page sizes and page tokens (AIP-158). A token is opaque to callers and bound to the question it was given for."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from datetime import UTC, datetime, timedelta

from etude.mesh.errors import EtudeError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST = 1000


def page_size(requested: int, default: int) -> int:
    """The number of items of a page.

    Raises:
        EtudeError: INVALID_REQUEST when it is negative or above 1000.
    """
    if not 0 <= requested <= _MOST:
        raise EtudeError(
            "INVALID_REQUEST",
            f"page_size must be from 1 to {_MOST}, or 0 for {default}",
            violations=[("page_size", f"must be from 0 to {_MOST}")],
        )
    return requested or default


def make_token(question: str, *position: str | int) -> str:
    """The token of the page that begins after `position`, in the answer to `question`."""
    return base64.urlsafe_b64encode(json.dumps([_digest(question), *position]).encode()).decode().rstrip("=")


def read_token(question: str, token: str, types: tuple[type, ...]) -> tuple[str | int, ...] | None:
    """The position a token holds, or None for an empty one.

    Args:
        question: What is asked, as it was for `make_token`.
        token: The token.
        types: The types of the parts of a position.

    Raises:
        EtudeError: INVALID_REQUEST when the token is not ours or belongs to another question.
    """
    if not token:
        return None
    try:
        digest, *position = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, binascii.Error, UnicodeDecodeError, TypeError):
        digest, position = "", []
    if digest != _digest(question) or tuple(type(part) for part in position) != types:
        raise EtudeError(
            "INVALID_REQUEST",
            "the page token is not valid for this request; start again from the first page",
            violations=[("page_token", "not valid for this request")],
        )
    return tuple(position)


def from_microseconds(value: int) -> datetime:
    """The moment of a number.

    Raises:
        EtudeError: INVALID_REQUEST when there is no such moment.
    """
    try:
        return _EPOCH + timedelta(microseconds=value)
    except OverflowError:
        raise EtudeError("INVALID_REQUEST", "the page token is not valid for this request") from None


def _digest(question: str) -> str:
    return hashlib.sha256(question.encode()).hexdigest()[:12]
