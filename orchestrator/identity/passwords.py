"""Passwords: which are taken, and Argon2id (RFC 9106) off the event loop."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from etude.mesh.errors import EtudeError

MIN_CHARACTERS = 12
MAX_CHARACTERS = 256
_MOST_TYPED = 4 * MAX_CHARACTERS  # a character may be typed as several, which NFKC makes one
_T = TypeVar("_T")


def normalised(password: str) -> str:
    """A password in NFKC, so that it is the same from every keyboard (NIST SP 800-63B); cut where none is as long."""
    return unicodedata.normalize("NFKC", password[:_MOST_TYPED])


def prepared(password: str, field: str = "password") -> str:
    """A new password as it is hashed.

    Raises:
        EtudeError: INVALID_REQUEST for one that is too short or too long; it is not repeated.
    """
    normal = normalised(password)
    if len(password) > _MOST_TYPED or not MIN_CHARACTERS <= len(normal) <= MAX_CHARACTERS:
        rule = f"must have {MIN_CHARACTERS} to {MAX_CHARACTERS} characters"
        raise EtudeError("INVALID_REQUEST", f"the {field.replace('_', ' ')} {rule}", violations=[(field, rule)])
    return normal


class Passwords:
    """Hashes and verifies passwords in threads of its own: a hash takes 64 MiB and tens of milliseconds of work.

    Few at a time and few that wait, so that a flood of logins costs neither the memory nor the patience of others.
    """

    def __init__(self, hasher: PasswordHasher | None = None, *, at_once: int = 2, waiting_limit: int = 64) -> None:
        """Argon2id with the parameters that RFC 9106 recommends second (64 MiB, 3 passes, 4 lanes) unless given."""
        self._hasher = hasher or PasswordHasher()
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="argon2")
        self._limit = at_once + waiting_limit
        self._taken = 0

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash("nobody's password")

    async def hash(self, password: str) -> str:
        """The hash of a prepared password, with its parameters and salt.

        Raises:
            EtudeError: RATE_LIMITED when too many wait.
        """
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, known: str | None, password: str) -> bool:
        """True when a password is the one `known` is the hash of.

        Without a hash it is False, after as much work: how long the answer takes does not tell who has a password.

        Raises:
            EtudeError: RATE_LIMITED when too many wait.
        """
        return await self._run(lambda: self._matches(known or self._nobodys, password)) and known is not None

    def outdated(self, known: str) -> bool:
        """True for a hash made with other parameters than today's."""
        return self._hasher.check_needs_rehash(known)

    def close(self) -> None:
        """Let the threads end; nothing may be hashed afterwards."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, known: str, password: str) -> bool:
        try:
            return self._hasher.verify(known, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], _T]) -> _T:
        if self._taken >= self._limit:
            raise EtudeError("RATE_LIMITED", "too many log in at this moment; try again soon", retry_after_s=2.0)
        self._taken += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._taken -= 1
