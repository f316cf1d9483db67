"""Validation: names every broken invariant of a Score."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from etude.notation.invariants.attachments import check_directions, check_spanners
from etude.notation.invariants.events import check_bars, check_events
from etude.notation.invariants.report import Context, Violation
from etude.notation.invariants.source import check_doubts, check_pages
from etude.notation.invariants.structure import check_clefs, check_frame, check_ids, check_measures
from etude.score.v1 import score_pb2

__all__ = ["InvalidScoreError", "Violation", "check_valid", "validate"]

_CHECKS: tuple[Callable[[Context], Iterator[Violation]], ...] = (
    check_frame,
    check_ids,
    check_measures,
    check_clefs,
    check_events,
    check_bars,
    check_spanners,
    check_directions,
    check_pages,
    check_doubts,
)

_SHOWN = 5


class InvalidScoreError(ValueError):
    """A Score with broken invariants; `violations` names them all. A stage answers it with INVALID_SCORE."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        self.violations = tuple(violations)
        shown = "; ".join(str(violation) for violation in self.violations[:_SHOWN])
        more = len(self.violations) - _SHOWN
        super().__init__(f"the Score is not valid: {shown}" + (f"; and {more} more" if more > 0 else ""))


def validate(score: score_pb2.Score) -> list[Violation]:
    """All broken invariants of a Score, in the order of its fields; empty for a valid one.

    The invariants are listed in docs/ir.md. A bar whose times a Doubt (MEASURE_LENGTH, ALIGNMENT or UNREADABLE) calls
    into question may not add up.
    """
    context = Context(score)
    return [violation for check in _CHECKS for violation in check(context)]


def check_valid(score: score_pb2.Score) -> None:
    """Returns when the Score is valid.

    Raises:
        InvalidScoreError: it is not.
    """
    violations = validate(score)
    if violations:
        raise InvalidScoreError(violations)
