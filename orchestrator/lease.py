"""For how long nobody else can have taken over what this process works on."""

from __future__ import annotations

import time
from collections.abc import Callable


class Lease:
    """Held from each sign of life for as long as others wait for the next one.

    It may be lost before anybody takes over, never after: a process that was stopped for longer, or cut off from the
    database, knows as soon as it looks.
    """

    def __init__(self, seconds: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Hold it for so many seconds from now, and from each sign of life on; for ever where there are no others."""
        self._seconds = seconds
        self._monotonic = monotonic
        self._until = monotonic() + seconds

    def now(self) -> float:
        """The moment before a sign of life is given, for `renew`."""
        return self._monotonic()

    def renew(self, since: float) -> None:
        """Hold it from a moment on, after which a sign of life was given."""
        self._until = since + self._seconds

    def holds(self) -> bool:
        """False when somebody may have taken over."""
        return self._monotonic() < self._until
