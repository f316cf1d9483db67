"""Cuts PDF content streams and CMaps into tokens.

A single regular expression does the work: content streams are flat, and the reader of files from anywhere must neither
recurse nor backtrack on what it does not understand. Bytes that fit nothing are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Name:
    """A PDF name without its slash."""

    value: str


class Open:
    """The start of an array or a dictionary."""


class Close:
    """The end of an array or a dictionary."""


# Numbers, strings, names, operators (and `true`, `false`, `null`), brackets.
Token = float | bytes | Name | str | type[Open] | type[Close]

_TOKEN = re.compile(
    rb"""
      ([+-]*+(?:\d++\.?+\d*+|\.\d++))
    | ([A-Za-z'"][A-Za-z0-9'"*]*+)
    | \(([^()\\]*+)\)
    | (\()
    | (/[^\s()<>\[\]{}/%]*+)
    | (\[|<<|\{)
    | (\]|>>|\})
    | (<[0-9A-Fa-f\s]*+>)
    | (%[^\r\n]*+)
    """,
    re.VERBOSE,
)
_NUMBER, _WORD, _PLAIN_STRING, _STRING, _NAME, _OPEN, _CLOSE, _HEX, _COMMENT = range(1, 10)
_STRING_PART = re.compile(rb"[()\\]")
_ESCAPE = re.compile(rb"\\(\r\n|[0-7]{1,3}|.)", re.DOTALL)
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"\n": b"", b"\r": b"", b"\r\n": b""}
_NAME_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_SPACES = re.compile(rb"\s+")
_INLINE_IMAGE_END = re.compile(rb"\sEI(?=[\s/]|$)")


def _unescape(match: re.Match[bytes]) -> bytes:
    what = match.group(1)
    if what[0] in b"01234567":
        return bytes((int(what, 8) & 0xFF,))
    return _ESCAPES.get(what, what)


def _string_end(data: bytes, start: int) -> int:
    """Returns where the literal string whose content begins at `start` ends, balanced parentheses included."""
    depth = 1
    position = start
    while match := _STRING_PART.search(data, position):
        position = match.end()
        char = match.group()
        if char == b"\\":
            position += 1
        elif char == b"(":
            depth += 1
        else:
            depth -= 1
            if depth == 0:
                return match.start()
    return len(data)


def _hex_bytes(token: bytes) -> bytes:
    digits = _SPACES.sub(b"", token[1:-1])
    if len(digits) % 2:
        digits += b"0"
    return bytes.fromhex(digits.decode("ascii"))


def tokens(data: bytes) -> Iterator[Token]:
    """Yields the tokens of a content stream; the data of an inline image are left out.

    Args:
        data: The decoded stream.
    """
    position = 0
    in_image = False
    while position < len(data):
        for match in _TOKEN.finditer(data, position):
            kind = match.lastindex or 0
            token = match.group(kind)
            if kind == _NUMBER:
                try:
                    yield float(token)
                except ValueError:  # several signs, as some writers leave: "--3"
                    yield -float(token.lstrip(b"+-"))
            elif kind == _WORD:
                if token == b"BI":
                    in_image = True
                elif in_image and token == b"ID":
                    in_image = False
                    end = _INLINE_IMAGE_END.search(data, match.end())
                    position = end.end() if end else len(data)
                    yield "EI"
                    break
                yield token.decode("ascii")
            elif kind == _PLAIN_STRING:
                yield token
            elif kind == _STRING:
                end_of_string = _string_end(data, match.end())
                body = data[match.end() : end_of_string]
                position = end_of_string + 1
                yield _ESCAPE.sub(_unescape, body) if b"\\" in body else body
                break
            elif kind == _HEX:
                yield _hex_bytes(token)
            elif kind == _NAME:
                body = token[1:]
                if b"#" in body:
                    body = _NAME_ESCAPE.sub(lambda m: bytes((int(m.group(1), 16),)), body)
                yield Name(body.decode("latin-1"))
            elif kind == _OPEN:
                yield Open
            elif kind == _CLOSE:
                yield Close
        else:
            return
