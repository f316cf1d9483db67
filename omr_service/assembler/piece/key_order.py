"""Key signatures over the systems of a piece: one of which signs were not read says less than those around it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

CERTAIN = 3
"""So many signatures in a row that say the same have lost nothing, as far as those on one side of them tell."""


@dataclass(frozen=True, slots=True)
class KeyReading:
    """A key signature as it was read.

    Attributes:
        fifths: Its sharps, or its flats negative.
        announced: True where the key may change: within a system, after a double bar or a courtesy signature, with
            naturals or a meter before it.
    """

    fifths: int
    announced: bool


def settled_keys(readings: Sequence[KeyReading]) -> list[int]:
    """The keys, in fifths, that the signatures of a piece stand for.

    Every system repeats the signature, and a change is announced. A reader loses accidentals and adds none: where a
    signature has fewer of them than the signatures before and after it, and no change is announced, they were lost.

    Args:
        readings: All signatures of a piece, in order.
    """
    settled: list[int] = []
    start = 0
    for i in range(1, len(readings) + 1):
        if i == len(readings) or (readings[i].announced and readings[i].fifths != readings[i - 1].fifths):
            settled += _without_losses([reading.fifths for reading in readings[start:i]])
            start = i
    return settled


def _without_losses(fifths: list[int]) -> list[int]:
    """Signatures among which no change is announced.

    Two in a row that say the same are believed by all others but three in a row that say the same: of these the
    change's announcement was lost. One alone is believed by those between it and another that says as much. No sign at
    all is less likely to be a loss: it has to be between signatures.
    """
    runs = [len(list(run)) for _, run in itertools.groupby(fifths)]
    alike = [length for length in runs for _ in range(length)]
    found: list[int] = []
    for i, own in enumerate(fifths):
        best = own
        for sign in (1, -1):
            if own * sign < 0:
                continue
            more = [max(0, sign * n) for n in fifths]
            said = min(max(more[:i], default=0), max(more[i + 1 :], default=0))
            if own and alike[i] < CERTAIN:
                said = max([said, *(min(pair) for pair in itertools.pairwise(more))])
            if said > abs(best):
                best = sign * said
        found.append(best)
    return found
