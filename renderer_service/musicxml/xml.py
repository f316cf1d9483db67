"""Small helpers over ElementTree: elements in one line, legal text, legal and unique ids."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from functools import lru_cache

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SPECIAL = re.compile('[&<>"\r\n\t]')
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*")


def clean(text: str) -> str:
    """The text without the characters that XML 1.0 cannot hold (control characters of broken PDF texts)."""
    return _ILLEGAL.sub("", text)


def element(tag: str, text: str | int | None = None, **attributes: str | int | None) -> ET.Element:
    """A new element. Attributes that are None are left out; underscores in their names become hyphens."""
    new = ET.Element(tag)
    if text is not None:
        new.text = _legal(text)
    if attributes:
        _set(new, attributes)
    return new


def add(parent: ET.Element, tag: str, text: str | int | None = None, **attributes: str | int | None) -> ET.Element:
    """A new last child of `parent`; see `element`."""
    new = ET.SubElement(parent, tag)
    if text is not None:
        new.text = _legal(text)
    if attributes:
        _set(new, attributes)
    return new


def _set(new: ET.Element, attributes: Mapping[str, str | int | None]) -> None:
    for name, value in attributes.items():
        if value is not None:
            new.set(name.replace("_", "-"), _legal(value))


@lru_cache(maxsize=4096)  # the words, steps and numbers of a document are the same thousands of times
def _legal(value: str | int) -> str:
    return str(value) if isinstance(value, int) else clean(value)


def document_text(root: ET.Element) -> str:
    """The elements as text, indented by a space for each level.

    It is what `ET.indent` and `ET.tostring` give for elements that hold either elements or text and have no namespaces,
    in a third of the time.
    """
    pieces: list[str] = []
    _write(root, "\n", pieces.append)
    return "".join(pieces)[1:]


def _write(node: ET.Element, line: str, put: Callable[[str], None]) -> None:
    """Puts an element out on a line of its own; `line` begins a line of its level."""
    tag, items = node.tag, node.items()
    attributes = "".join([f' {name}="{_quoted(value)}"' for name, value in items]) if items else ""
    if len(node):
        put(f"{line}<{tag}{attributes}>")
        inner = f"{line} "
        for child in node:
            _write(child, inner, put)
        put(f"{line}</{tag}>")
    elif node.text:
        put(f"{line}<{tag}{attributes}>{_escaped(node.text)}</{tag}>")
    else:
        put(f"{line}<{tag}{attributes} />")


@lru_cache(maxsize=4096)
def _escaped(text: str) -> str:
    if not _SPECIAL.search(text):
        return text
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _quoted(text: str) -> str:
    if not _SPECIAL.search(text):
        return text
    escaped = _escaped(text).replace('"', "&quot;").replace("\r", "&#13;")
    return escaped.replace("\n", "&#10;").replace("\t", "&#09;")


class Ids:
    """Gives ids of the Score the form XML asks for (an NCName, once per document).

    An id that has that form already, which all of Étude's own have, stays as it is.

    Attributes:
        source_of: The id of the Score by the one that was written for it.
    """

    def __init__(self) -> None:
        self.source_of: dict[str, str] = {}

    def __call__(self, score_id: str) -> str | None:
        """The id to write, or None for an empty one."""
        if not score_id:
            return None
        base = score_id if _NAME.fullmatch(score_id) else "_" + re.sub(r"[^A-Za-z0-9._-]", "_", score_id)
        unique, copy = base, 2
        while unique in self.source_of:
            unique, copy = f"{base}_{copy}", copy + 1
        self.source_of[unique] = score_id
        return unique
