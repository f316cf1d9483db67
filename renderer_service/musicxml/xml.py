"""Small helpers over ElementTree: elements in one line, legal text, legal and unique ids."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*")


def clean(text: str) -> str:
    """The text without the characters that XML 1.0 cannot hold (control characters of broken PDF texts)."""
    return _ILLEGAL.sub("", text)


def element(tag: str, text: str | int | None = None, **attributes: str | int | None) -> ET.Element:
    """A new element. Attributes that are None are left out; underscores in their names become hyphens."""
    new = ET.Element(
        tag, {name.replace("_", "-"): clean(str(value)) for name, value in attributes.items() if value is not None}
    )
    if text is not None:
        new.text = clean(str(text))
    return new


def add(parent: ET.Element, tag: str, text: str | int | None = None, **attributes: str | int | None) -> ET.Element:
    """A new last child of `parent`; see `element`."""
    new = element(tag, text, **attributes)
    parent.append(new)
    return new


class Ids:
    """Gives ids of the Score the form XML asks for (an NCName, once per document).

    An id that has that form already, which all of Étude's own have, stays as it is.
    """

    def __init__(self) -> None:
        self._used: set[str] = set()

    def __call__(self, score_id: str) -> str | None:
        """The id to write, or None for an empty one."""
        if not score_id:
            return None
        base = score_id if _NAME.fullmatch(score_id) else "_" + re.sub(r"[^A-Za-z0-9._-]", "_", score_id)
        unique, copy = base, 2
        while unique in self._used:
            unique, copy = f"{base}_{copy}", copy + 1
        self._used.add(unique)
        return unique
