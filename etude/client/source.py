"""Files on their way to the mesh: a path, bytes, or an open binary file, read in chunks."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from etude.mesh.errors import EtudeError

CHUNK_BYTES = 1 << 20
"""Largest piece of a file in one message, by the contract."""

SourceLike = str | os.PathLike[str] | bytes | BinaryIO
"""What can be sent."""


@dataclass(frozen=True, slots=True)
class Source:
    """A document and its name; it can be read more than once, so that a call can be tried again."""

    filename: str
    content: Path | bytes | BinaryIO

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The document from its beginning, in pieces of at most 1 MiB.

        Raises:
            EtudeError: INVALID_REQUEST when the file cannot be read.
        """
        if isinstance(self.content, bytes):
            for start in range(0, len(self.content), CHUNK_BYTES):
                yield self.content[start : start + CHUNK_BYTES]
            return
        if isinstance(self.content, Path):
            try:
                file: BinaryIO = await asyncio.to_thread(self.content.open, "rb")
            except OSError as error:
                raise _unreadable(self.content, error) from error
        else:
            file = self.content
            await asyncio.to_thread(file.seek, 0)
        try:
            while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
                yield chunk
        except OSError as error:
            raise _unreadable(self.filename, error) from error
        finally:
            if isinstance(self.content, Path):
                with suppress(OSError):
                    file.close()

    async def whole(self) -> bytes | None:
        """All of the document where it fits into one message; None where it does not.

        Raises:
            EtudeError: INVALID_REQUEST when the file cannot be read.
        """
        if isinstance(self.content, bytes):
            return self.content if len(self.content) <= CHUNK_BYTES else None
        try:
            head = await asyncio.to_thread(self._head)
        except OSError as error:
            raise _unreadable(self.content if isinstance(self.content, Path) else self.filename, error) from error
        return head if len(head) <= CHUNK_BYTES else None

    def _head(self) -> bytes:
        """A byte more than fits into one message, if there are so many. Blocks."""
        if isinstance(self.content, Path):
            with self.content.open("rb") as file:
                return file.read(CHUNK_BYTES + 1)
        assert not isinstance(self.content, bytes)
        self.content.seek(0)
        return self.content.read(CHUNK_BYTES + 1)


def open_source(source: SourceLike, filename: str = "") -> Source:
    """A `Source` from a path, bytes, or a binary file that can seek.

    Raises:
        EtudeError: INVALID_REQUEST for a path that is not a file.
    """
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        if not path.exists():
            raise EtudeError("INVALID_REQUEST", _no_file(os.fspath(source)))
        if path.is_dir():
            raise EtudeError("INVALID_REQUEST", f"The path {path} is a directory; name the files in it.")
        if not path.is_file():
            raise EtudeError("INVALID_REQUEST", f"The path {path} is not of a plain file.")
        return Source(filename=filename or path.name, content=path)
    if isinstance(source, bytes):
        return Source(filename=filename or "document", content=source)
    return Source(filename=filename or Path(str(getattr(source, "name", "document"))).name, content=source)


def _no_file(name: str) -> str:
    """What to say of a path that does not exist.

    >>> _no_file("https:/example.org/sonata.pdf")  # as pathlib writes it
    'This is an address on the web, from which nothing is fetched; download the file and name it.'
    """
    if name.lower().startswith(("http:/", "https:/", "ftp:/")):
        return "This is an address on the web, from which nothing is fetched; download the file and name it."
    return f"There is no file {name}; check the path."


def _unreadable(what: Path | str, error: OSError) -> EtudeError:
    return EtudeError("INVALID_REQUEST", f"{what} cannot be read: {error.strerror or error}.")
