"""Ids of the Score: those of the file where it has them, made ones elsewhere."""

from __future__ import annotations

import re
from itertools import count

_ID = re.compile(r"[^\W\d][\w.\-]*")


class Ids:
    """Gives every thing an id of its own."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._counters: dict[str, count[int]] = {}

    def keep(self, wanted: str) -> str:
        """`wanted`, if it can be an id and is not taken yet; else empty."""
        if not wanted or wanted in self._taken or len(wanted) > 200 or not _ID.fullmatch(wanted):
            return ""
        self._taken.add(wanted)
        return wanted

    def new(self, prefix: str) -> str:
        """The next free id of the form prefix and number."""
        counter = self._counters.setdefault(prefix, count(1))
        while (candidate := f"{prefix}{next(counter)}") in self._taken:
            continue
        self._taken.add(candidate)
        return candidate

    def derived(self, wanted: str) -> str:
        """`wanted`, or where that is taken `wanted` with a number behind it."""
        return self.keep(wanted) or self.new(f"{wanted}-")
