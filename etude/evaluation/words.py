"""Notes, marks and differing bars in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction

from etude.evaluation.differences import BarDifference
from etude.evaluation.reading import Mark, WrittenNote

_ALTERATIONS = {-2: "bb", -1: "b", 0: "", 1: "#", 2: "##"}
_VALUES = {
    Fraction(8): "breve",
    Fraction(4): "whole",
    Fraction(2): "half",
    Fraction(1): "quarter",
    Fraction(1, 2): "eighth",
    Fraction(1, 4): "16th",
    Fraction(1, 8): "32nd",
    Fraction(1, 16): "64th",
}
_TEXTS = ("dynamics", "words", "rehearsal marks", "chord symbols")
_MOST = 12


def note_words(note: WrittenNote) -> str:
    """A note: "Eb4 dotted quarter, staff 1, after 2+1/2 quarters"."""
    step, alter, octave = note.spelling
    value = "grace" if note.grace else _value(note.duration)
    return f"{step}{_ALTERATIONS.get(alter, f'({alter:+d})')}{octave} {value}, staff {note.staff}, {_after(note.onset)}"


def marks_words(marks: Sequence[Mark]) -> list[str]:
    """Marks by kind: what texts say, how many there are of others."""
    texts = [f"{mark.kind} {mark.what!r}" for mark in marks if mark.kind in _TEXTS]
    counted = Counter(mark.kind for mark in marks if mark.kind not in _TEXTS)
    return texts + [f"{kind} ({count})" if count > 1 else kind for kind, count in counted.items()]


def difference_lines(difference: BarDifference) -> list[str]:
    """What is missing from a bar and what is too much, a line each."""
    named = (
        ("missed", [note_words(note) for note in difference.missed]),
        ("read, not there", [note_words(note) for note in difference.spurious]),
        ("marks missed", marks_words(difference.missed_marks)),
        ("marks read, not there", marks_words(difference.spurious_marks)),
    )
    return [f"{name}: {_listed(things)}" for name, things in named if things]


def _listed(things: Iterable[str]) -> str:
    every = list(things)
    more = f"; and {len(every) - _MOST} more" if len(every) > _MOST else ""
    return "; ".join(every[:_MOST]) + more


def _value(quarters: Fraction) -> str:
    if quarters in _VALUES:
        return _VALUES[quarters]
    undotted = quarters * Fraction(2, 3)
    return f"dotted {_VALUES[undotted]}" if undotted in _VALUES else f"{quarters} quarters"


def _after(onset: Fraction) -> str:
    if not onset:
        return "at the start"
    whole, rest = divmod(onset, 1)
    text = f"{whole}+{rest}" if whole and rest else str(onset)
    return f"after {text} quarter{'' if onset == 1 else 's'}"
