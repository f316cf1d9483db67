"""Cuts PDF content streams and CMaps into tokens.

A single regular expression does the work: content streams are flat, and the reader of files from anywhere must neither
recurse nor backtrack on what it does not understand. Bytes that fit nothing are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise


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


def _image_token(kind: int, token: bytes) -> Token | None:
    """Returns what a number, a name or a word is among the entries of an inline image; None for anything else."""
    if kind == _WORD and token not in (b"ID", b"BI"):
        return Name(token.decode("ascii"))
    if kind == _NAME:
        return Name(token[1:].decode("latin-1"))
    if kind == _NUMBER and not token.startswith((b"++", b"--", b"+-", b"-+")):
        return float(token)
    return None


def _image_end(data: bytes, start: int, image: list[Token]) -> tuple[int, int]:
    """Returns (where the data of an inline image end, where what follows its EI begins).

    Args:
        data: The content stream.
        start: Where the data begin.
        image: The image's entries.
    """
    numbers = {key.value: value for key, value in pairwise(image) if isinstance(key, Name) and isinstance(value, float)}
    filtered = any(isinstance(token, Name) and token.value in ("F", "Filter") for token in image)
    least = start
    if not filtered and "CS" not in {token.value for token in image if isinstance(token, Name)}:
        # Data that are not compressed may hold anything, but their length is known.
        width, height = numbers.get("W", numbers.get("Width", 0.0)), numbers.get("H", numbers.get("Height", 0.0))
        bits = numbers.get("BPC", numbers.get("BitsPerComponent", 1.0))
        if 0 < width * bits < 1e6 and 0 < height < 1e6:
            least = min(start + int(width * bits + 7) // 8 * int(height), len(data))
    end = _INLINE_IMAGE_END.search(data, max(least - 1, start)) or _INLINE_IMAGE_END.search(data, start)
    return (max(end.start(), min(least, end.end() - 2)), end.end()) if end else (len(data), len(data))


def tokens(data: bytes) -> Iterator[Token]:
    """Yields the tokens of a content stream.

    An inline image is its entries, its data as bytes and "EI"; words among its entries (true, false) are names.

    Args:
        data: The decoded stream.
    """
    position = 0
    image: list[Token] | None = None
    while position < len(data):
        for match in _TOKEN.finditer(data, position):
            kind = match.lastindex or 0
            token = match.group(kind)
            if image is not None and (found := _image_token(kind, token)) is not None:
                image.append(found)
                yield found
            elif kind == _NUMBER:
                try:
                    yield float(token)
                except ValueError:  # several signs, as some writers leave: "--3"
                    yield -float(token.lstrip(b"+-"))
            elif kind == _WORD:
                if token == b"BI":
                    image = []
                elif image is not None and token == b"ID":
                    # One white-space character comes between ID and the data.
                    start = match.end() + 1
                    end, position = _image_end(data, start, image)
                    image = None
                    yield data[start:end]
                    yield "EI"
                    break
                else:
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
