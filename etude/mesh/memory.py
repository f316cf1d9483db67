"""The garbage collector of a process that serves, or works for one that does."""

from __future__ import annotations

import gc

# CPython's 700 is passed several times within a small job.
_FIRST_GENERATION = 10_000


def settle_memory() -> None:
    """Call it once everything is loaded: the collector leaves alone what is there now, and looks less often.

    Modules, classes, descriptors and routes, some hundred thousand objects, live as long as the process. Going over
    them time and again was about a tenth of the CPU of a small job, and a sixth of that of joining a long document.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_FIRST_GENERATION, *gc.get_threshold()[1:])
