"""What a call sends: options, then a document in chunks, which goes to disk as it comes."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from etude.media_types import HEAD_BYTES
from etude.mesh.errors import EtudeError, invalid_field
from etude.mesh.limits import MAX_CHUNK_BYTES
from etude.stage.v1 import omr_service_pb2

Request = omr_service_pb2.RecognizeRequest | omr_service_pb2.InspectRequest | omr_service_pb2.ReadPagesRequest
R = TypeVar("R", bound=Request)


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was received.

    Attributes:
        path: Its file, named by its SHA-256, by which workers know that they have it open.
        sha256: SHA-256 over it, hexadecimal.
        head: Its first `HEAD_BYTES` bytes.
    """

    path: Path
    sha256: str
    head: bytes


async def in_pieces(
    kind: type[R], whole: omr_service_pb2.RecognizeFileRequest | omr_service_pb2.InspectFileRequest
) -> AsyncIterator[R]:
    """What one message holds, as the messages of the call for a stream of them."""
    yield kind(options=whole.options)
    yield kind(chunk=whole.content)


async def receive(
    requests: AsyncIterator[Request], folder: Path, most_bytes: int
) -> tuple[omr_service_pb2.RecognizeOptions, Document]:
    """The options of a call and its document.

    Parts of a long document come in calls of their own, many at a time, each with all of it: none is held in memory.

    Args:
        requests: The messages of the call.
        folder: Where the document is written.
        most_bytes: Largest document taken.

    Raises:
        EtudeError: INVALID_REQUEST naming the field; FILE_TOO_LARGE as soon as the limit is passed.
    """
    options: omr_service_pb2.RecognizeOptions | None = None
    digest, head, size = hashlib.sha256(), b"", 0
    unnamed = folder / "document"
    with unnamed.open("wb") as file:
        async for request in requests:
            kind = request.WhichOneof("payload")
            if kind == "options":
                if options is not None or size:
                    raise invalid_field("options", "The options come once, in the first message of the call.")
                options = request.options
            elif kind == "chunk":
                if options is None:
                    raise invalid_field("options", "The first message of the call holds the options.")
                if len(request.chunk) > MAX_CHUNK_BYTES:
                    raise invalid_field("chunk", "A chunk holds at most 1 MiB.")
                size += len(request.chunk)
                if size > most_bytes:
                    raise EtudeError(
                        "FILE_TOO_LARGE", f"The file is larger than {most_bytes / 1e6:.0f} MB, which is the limit."
                    )
                head = (head + request.chunk[:HEAD_BYTES])[:HEAD_BYTES]
                digest.update(request.chunk)
                await asyncio.to_thread(file.write, request.chunk)
            else:
                raise invalid_field("payload", "A message holds options or a chunk.")
    path = unnamed.rename(folder / digest.hexdigest())
    return options or omr_service_pb2.RecognizeOptions(), Document(path, digest.hexdigest(), head)
