"""Byte ranges and entity tags of HTTP (RFC 9110, sections 13 and 14)."""

import re
from dataclasses import dataclass

from etude.mesh.errors import EtudeError

_ONE_RANGE = re.compile(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes `first` to `last`, both included, of a file of `size` bytes."""

    first: int
    last: int
    size: int

    @property
    def length(self) -> int:
        """Number of bytes."""
        return self.last - self.first + 1

    @property
    def content_range(self) -> str:
        """Value of the Content-Range header."""
        return f"bytes {self.first}-{self.last}/{self.size}"


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """The range a Range header asks for; None when the whole file is to be sent.

    A header of another unit, of several ranges, or that makes no sense is ignored, as the standard allows.

    Raises:
        EtudeError: OUT_OF_RANGE when no byte of the range exists.

    >>> parse_range("bytes=-3", 10)
    ByteRange(first=7, last=9, size=10)
    """
    match = _ONE_RANGE.fullmatch(header) if header else None
    if match is None or not (match[1] or match[2]):
        return None
    if match[1]:
        first = int(match[1])
        last = min(int(match[2]), size - 1) if match[2] else size - 1
        if match[2] and int(match[2]) < first:
            return None
    else:
        first, last = max(size - int(match[2]), 0), size - 1
    if first > last:
        raise EtudeError("OUT_OF_RANGE", f"The file has {size} bytes; the range asked for begins beyond them.")
    return ByteRange(first, last, size)


def matches(header: str | None, etag: str) -> bool:
    """True when an If-None-Match header names `etag` (weak comparison) or any."""
    if not header:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in header.split(",")}
    return "*" in tags or etag in tags


def range_allowed(if_range: str | None, etag: str) -> bool:
    """True when an If-Range header, if there is one, is `etag` (strong comparison); dates never match."""
    return if_range is None or if_range.strip() == etag
