"""Servers that end with the tests that started them, also when those are killed."""

from __future__ import annotations

import ctypes
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def end_with_parent(how: signal.Signals) -> Callable[[], None] | None:
    """A `preexec_fn` that has the kernel send a signal to the child when its parent ends; None where it cannot."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, how)
