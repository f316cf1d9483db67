"""Systems of printed music that were read, by truths that tell where each line of the edition ends.

A `**kern` truth says so with layout comments (`!!LO:LB` a line, `!!LO:PB` a page; https://doc.verovio.org/humdrum/).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from etude.evaluation.alignment import rising_pairs
from etude.evaluation.piece import Piece
from etude.score.v1 import score_pb2

_BREAK = re.compile(r"!+LO:[LP]B\b")


@dataclass(frozen=True, slots=True)
class FoundSystem:
    """A system of the reading.

    Attributes:
        page: Its page, from 1.
        bars: Positions in the reading of its bars.
        staves: Number of its staves.
    """

    page: int
    bars: range
    staves: int


@dataclass(frozen=True, slots=True)
class SystemsRead:
    """The printed systems of a piece against those that were read.

    Attributes:
        piece: Its name.
        printed: Number of systems printed.
        staves: Number of staves printed.
        missed: Positions in the truth of the bars of each system that was not read.
        thin: Systems read with fewer staves than printed: the truth's bars, and the number of staves that are missing.
        false: Systems read where the truth has none.
    """

    piece: str
    printed: int
    staves: int
    missed: tuple[range, ...]
    thin: tuple[tuple[range, int], ...]
    false: tuple[FoundSystem, ...]

    @property
    def staves_missed(self) -> int:
        """Staves printed that were not read."""
        each = self.staves // self.printed if self.printed else 0
        return len(self.missed) * each + sum(missing for _, missing in self.thin)


def found_systems(scores: Sequence[score_pb2.Score]) -> tuple[FoundSystem, ...]:
    """The systems of the Scores of one document, in the order of their measures."""
    found: list[FoundSystem] = []
    before = 0
    for score in scores:
        for page in score.pages:
            for system in page.systems:
                first = before + system.first_measure_index
                bars = range(first, first + system.measure_count)
                found.append(FoundSystem(page.page_number, bars, len(system.staves)))
        before += len(score.measures)
    return tuple(sorted(found, key=lambda each: each.bars.start))


def printed_systems(kern: str) -> tuple[range, ...]:
    """The positions of the measures of each printed system; one that a line's end divides belongs to both lines.

    Measures are told apart as the referee does: by every barline that is numbered or visible and has something before
    it. Empty where the text tells of no line's end.

    Args:
        kern: A `**kern` file.
    """
    starts = [0]
    ends: list[int] = []
    measure, filled, broken = 0, False, False
    for line in kern.splitlines():
        if line.startswith("!"):
            broken = broken or bool(_BREAK.match(line))
        elif line.startswith("="):
            if filled and any(re.search(r"\d", each) or not ("-" in each or "yy" in each) for each in line.split("\t")):
                measure, filled = measure + 1, False
        elif line and not line.startswith("*"):
            if broken and (measure or filled):
                ends.append(measure + filled)
                starts.append(measure)
            filled, broken = True, False
    if not ends:
        return ()
    return tuple(range(first, end) for first, end in zip(starts, [*ends, measure + filled], strict=True))


def systems_read(piece: Piece, printed: Sequence[range], found: Sequence[FoundSystem]) -> SystemsRead:
    """Which printed systems of a piece were read.

    A printed system and one of the reading are the same where most bars they share by the alignment of bars say so, all
    in order. Those between two such pairs are counted: as many as were read there are read, however badly.

    Args:
        piece: The piece.
        printed: Its systems, see `printed_systems`.
        found: The systems of its reading.

    Raises:
        ValueError: The printed systems do not have the measures of the truth.
    """
    if not printed or printed[-1].stop != len(piece.truth.bars):
        raise ValueError(f"the systems of {piece.name} do not end with its {len(piece.truth.bars)} measures")
    staves = max((note.staff for bar in piece.truth.bars for note in bar.notes), default=0)
    shared = [[sum(i in a and j in b.bars for i, j in piece.comparison.pairs) for b in found] for a in printed]
    pairs = _filled(rising_pairs(shared), len(printed), len(found))
    partner = dict(pairs)
    taken = set(partner.values())
    missing = [(printed[i], staves - found[j].staves) for i, j in pairs]
    return SystemsRead(
        piece=piece.name,
        printed=len(printed),
        staves=staves * len(printed),
        missed=tuple(each for i, each in enumerate(printed) if i not in partner),
        thin=tuple((bars, less) for bars, less in missing if less > 0),
        false=tuple(each for j, each in enumerate(found) if j not in taken),
    )


def systems_text(pieces: Sequence[SystemsRead]) -> str:
    """For people: how many systems and staves were read, and those that were not; "" where no truth tells."""
    if not pieces:
        return ""
    printed, staves = sum(each.printed for each in pieces), sum(each.staves for each in pieces)
    read = printed - sum(len(each.missed) for each in pieces)
    staves_read = staves - sum(each.staves_missed for each in pieces)
    false = sum(len(each.false) for each in pieces)
    lines = [
        f"Systems read: {read} of {printed} ({100 * read / printed:.2f} %), staves {staves_read} of {staves} "
        f"({100 * staves_read / staves:.2f} %); {false} read where none is printed."
    ]
    for piece in pieces:
        lines += [f"  {piece.piece}: bars {_bars(bars)} missed" for bars in piece.missed]
        lines += [f"  {piece.piece}: bars {_bars(bars)} without {less} of its staves" for bars, less in piece.thin]
        lines += [f"  {piece.piece}: page {each.page}, {len(each.bars)} bars where none is" for each in piece.false]
    return "\n".join(lines)


def _filled(pairs: Sequence[tuple[int, int]], rows: int, columns: int) -> list[tuple[int, int]]:
    """Pairs with those added that stand between them on both sides, in order, as far as there are some on both."""
    filled: list[tuple[int, int]] = []
    last = (-1, -1)
    for pair in [*pairs, (rows, columns)]:
        filled += zip(range(last[0] + 1, pair[0]), range(last[1] + 1, pair[1]), strict=False)
        filled.append(pair)
        last = pair
    return filled[:-1]


def _bars(bars: range) -> str:
    return f"{bars.start + 1}" if len(bars) == 1 else f"{bars.start + 1} to {bars.stop}"
