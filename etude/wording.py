"""Words that messages for people share."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "page"), counted(1200, "note")
    ('1 page', '1,200 notes')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
