"""XML read safely: no entities, no network, bounded, and every element knows the line it stands on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

MAX_BYTES = 64 * 1024 * 1024
MAX_ELEMENTS = 4_000_000
MAX_DEPTH = 64

_CHUNK = 1 << 16


class MusicXmlError(ValueError):
    """A file that is no MusicXML, or damaged MusicXML; the message names the line where there is one."""


@dataclass(slots=True)
class Node:
    """An element: its name without namespace, attributes, leading text, children, and line from 1."""

    tag: str
    attributes: dict[str, str]
    line: int
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.children)

    def get(self, name: str, default: str = "") -> str:
        """An attribute without surrounding white space."""
        return self.attributes.get(name, default).strip()

    def get_number(self, name: str, default: int, high: int) -> int:
        """An attribute that is a whole number from 1 to `high`; `default` where it is none."""
        text = self.get(name)
        number = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
        return number if 1 <= number <= high else default

    def find(self, tag: str) -> Node | None:
        """The first child of that name."""
        return next((child for child in self.children if child.tag == tag), None)

    def all(self, tag: str) -> list[Node]:
        """All children of that name."""
        return [child for child in self.children if child.tag == tag]

    def has(self, tag: str) -> bool:
        """True when there is a child of that name."""
        return any(child.tag == tag for child in self.children)

    def child_text(self, tag: str, default: str = "") -> str:
        """Text of the first child of that name, without surrounding white space."""
        child = self.find(tag)
        return default if child is None else child.text.strip()

    def fail(self, message: str) -> NoReturn:
        """Raises MusicXmlError for this element."""
        raise MusicXmlError(f"line {self.line}: {message}")

    def number(self) -> float:
        """The text as a number.

        Raises:
            MusicXmlError: it is none.
        """
        try:
            value = float(self.text)
        except ValueError:
            self.fail(f"<{self.tag}> should be a number, not {self.text.strip()[:40]!r}")
        if value != value or abs(value) > 1e9:
            self.fail(f"<{self.tag}> is out of range: {self.text.strip()[:40]!r}")
        return value

    def integer(self) -> int:
        """The text as a whole number.

        Raises:
            MusicXmlError: it is none.
        """
        value = self.number()
        if value != int(value):
            self.fail(f"<{self.tag}> should be a whole number, not {self.text.strip()[:40]!r}")
        return int(value)


def parse_xml(data: bytes) -> Node:
    """The root element of an XML document.

    A document type is passed over without being fetched; a document that declares entities of its own is refused.

    Raises:
        MusicXmlError: not well formed, or beyond the bounds of this module.
    """
    if len(data) > MAX_BYTES:
        raise MusicXmlError(f"the MusicXML is {len(data):,} bytes long; at most {MAX_BYTES:,} are read")
    builder = _Builder()
    try:
        for start in range(0, len(data), _CHUNK):
            builder.parser.Parse(data[start : start + _CHUNK], False)
        builder.parser.Parse(b"", True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise MusicXmlError(f"line {error.lineno}: this is not well-formed XML: {reason}") from error
    except (LookupError, ValueError) as error:
        if isinstance(error, MusicXmlError):
            raise
        raise MusicXmlError(f"this XML cannot be decoded: {error}") from error
    if builder.root is None:
        raise MusicXmlError("the document holds no element")
    return builder.root


class _Builder:
    """Builds the tree from expat's events."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self._stack: list[Node] = []
        self._count = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.EntityDeclHandler = self._entity

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS:
            raise MusicXmlError(f"the MusicXML has more than {MAX_ELEMENTS:,} elements")
        if len(self._stack) >= MAX_DEPTH:
            raise MusicXmlError(f"line {self.parser.CurrentLineNumber}: elements nest deeper than {MAX_DEPTH}")
        node = Node(name.rpartition(":")[2], attributes, self.parser.CurrentLineNumber)
        if self._stack:
            self._stack[-1].children.append(node)
        else:
            self.root = node
        self._stack.append(node)

    def _end(self, _name: str) -> None:
        self._stack.pop()

    def _text(self, text: str) -> None:
        if self._stack and not self._stack[-1].children:
            self._stack[-1].text += text

    def _entity(self, name: str, *_details: object) -> None:
        raise MusicXmlError(f"line {self.parser.CurrentLineNumber}: the document declares the entity {name!r}; refused")
