"""How a bar is written down while its items are placed: voices in ticks, as tuples, for there are very many."""

from __future__ import annotations

from typing import Any

WHOLE_BAR = -1
"""End of a voice that lasts as long as the bar, whatever that is."""
RESTING = -2
"""End of a voice that has stopped within the bar and may go on after a rest that is not printed."""
Tuplet = tuple[int, int, int, int, int]
"""The tuplet a voice is in: numerator, denominator of its ratio, written ticks so far, 1 when it may stop here, written
ticks of each member, 0 where they differ; of a voice in none, the last is the denominator of the one before."""
NO_TUPLET: Tuplet = (1, 1, 0, 1, 0)
Voice = tuple[int, int, int, int, Tuplet, int, int]
"""A voice: end, staff, stem, pending beam member, open tuplet, chain number, 1 when it has paused within a beam."""
Column = tuple[float, float]
"""Left edges of the first and the last item of the present column, in spaces."""
Trail = Any
"""How a partial solution came about: (what came before, onset, end, chain, reading); the first is None."""
