"""Files made by a job: their names beside each other, and writing them so that a half-written one is never seen."""

import asyncio
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from etude.job.v1 import artifact_service_pb2

SUFFIXES = {
    artifact_service_pb2.ARTIFACT_KIND_MUSICXML: ".musicxml",
    artifact_service_pb2.ARTIFACT_KIND_MIDI: ".mid",
    artifact_service_pb2.ARTIFACT_KIND_SVG: ".svg",
    artifact_service_pb2.ARTIFACT_KIND_SCORE_PDF: ".pdf",
    artifact_service_pb2.ARTIFACT_KIND_ANNOTATED_PDF: ".annotated.pdf",
    artifact_service_pb2.ARTIFACT_KIND_REVIEW: ".review.html",
    artifact_service_pb2.ARTIFACT_KIND_IR_V1: ".ir_v1.json",
    artifact_service_pb2.ARTIFACT_KIND_IR_V2: ".ir_v2.json",
}
"""How the name of a file ends, by the kind of its artifact. The user's own file has no place here."""


def file_names(
    artifacts: Iterable[artifact_service_pb2.Artifact], stem: str
) -> list[tuple[artifact_service_pb2.Artifact, str]]:
    """Artifacts of one job with a file name for each; without the user's own file.

    The second piece or movement is `<stem>.mov2.<ending>`, the second engraved page `<stem>.2.svg`.

    >>> page = artifact_service_pb2.Artifact(kind="ARTIFACT_KIND_SVG", score_index=1, page_number=3)
    >>> file_names([page], "sonata")[0][1]
    'sonata.mov2.3.svg'
    """
    named = []
    for artifact in artifacts:
        suffix = SUFFIXES.get(artifact.kind)
        if suffix is None:
            continue
        movement = f".mov{artifact.score_index + 1}" if artifact.score_index > 0 else ""
        page = f".{artifact.page_number}" if artifact.page_number > 1 else ""
        named.append((artifact, f"{stem}{movement}{page}{suffix}"))
    return named


class AtomicFile:
    """Writes a file beside its final name and renames it when the block ends well; otherwise leaves nothing.

    >>> async with AtomicFile(Path("out/sonata.mid")) as file:                       # doctest: +SKIP
    ...     await file.write(b"MThd")
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        self._file: BinaryIO | None = None

    async def __aenter__(self) -> Self:
        self._file = await asyncio.to_thread(self._open)
        return self

    def _open(self) -> BinaryIO:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return self._part.open("xb")

    async def write(self, data: bytes) -> None:
        """Adds bytes at the end."""
        if self._file is None:
            raise RuntimeError("AtomicFile.write outside its block")
        with self._naming():
            await asyncio.to_thread(self._file.write, data)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is None:
            return
        file, self._file = self._file, None
        # Not in a thread: on cancellation a further await could be interrupted and leave the partial file behind.
        self._finish(file, keep=kind is None)

    @contextmanager
    def _naming(self) -> Iterator[None]:
        """Gives the file's name to errors of writing, which know none."""
        try:
            yield
        except OSError as error:
            error.filename = error.filename or str(self.path)
            raise

    def _finish(self, file: BinaryIO, *, keep: bool) -> None:
        try:
            with self._naming(), file:
                if keep:
                    file.flush()
                    os.fsync(file.fileno())
            if keep:
                self._part.replace(self.path)
        finally:
            with suppress(FileNotFoundError):
                self._part.unlink()
