"""Where the files of a job go, and that nothing of the user's is overwritten."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from etude.client.files import SUFFIXES
from etude.client.names import short_name, short_names
from etude.job.v1 import artifact_service_pb2
from etude.stage.v1 import renderer_service_pb2

_KIND_OF_FORMAT = {
    renderer_service_pb2.OUTPUT_FORMAT_MUSICXML: artifact_service_pb2.ARTIFACT_KIND_MUSICXML,
    renderer_service_pb2.OUTPUT_FORMAT_MIDI: artifact_service_pb2.ARTIFACT_KIND_MIDI,
    renderer_service_pb2.OUTPUT_FORMAT_SVG: artifact_service_pb2.ARTIFACT_KIND_SVG,
    renderer_service_pb2.OUTPUT_FORMAT_PDF: artifact_service_pb2.ARTIFACT_KIND_SCORE_PDF,
    renderer_service_pb2.OUTPUT_FORMAT_ANNOTATED_PDF: artifact_service_pb2.ARTIFACT_KIND_ANNOTATED_PDF,
    renderer_service_pb2.OUTPUT_FORMAT_REVIEW: artifact_service_pb2.ARTIFACT_KIND_REVIEW,
}
_IR_KINDS = {
    "ir_v1": artifact_service_pb2.ARTIFACT_KIND_IR_V1,
    "ir_v2": artifact_service_pb2.ARTIFACT_KIND_IR_V2,
}
_OWN_SUFFIXES = (".ir_v1.json", ".ir_v2.json", ".annotated.pdf", ".review.html")
"""Endings that nothing but Étude gives its files."""


@dataclass(frozen=True, slots=True)
class Formats:
    """What a user asked for.

    Attributes:
        rendered: Names of the output formats a job is asked for; empty for all.
        kinds: Kinds of artifacts that are written to files.
    """

    rendered: tuple[str, ...]
    kinds: frozenset[int]


def parse_formats(text: str) -> Formats:
    """The formats of a list with commas; all of them when it is empty.

    Raises:
        click.BadParameter: A name is not one of a format.
    """
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    if not names:
        return Formats(rendered=(), kinds=frozenset(SUFFIXES))
    rendered, kinds = [], set()
    known = {short_name(renderer_service_pb2.OutputFormat, number).lower(): number for number in _KIND_OF_FORMAT}
    for name in names:
        if name in _IR_KINDS:
            kinds.add(_IR_KINDS[name])
        elif name in known:
            rendered.append(name)
            kinds.add(_KIND_OF_FORMAT[known[name]])
        else:
            raise click.BadParameter(f"{name!r} is not a format; choose from {', '.join([*known, *_IR_KINDS])}.")
    # A job renders everything when it is asked for nothing in particular; MIDI is the least it can do.
    return Formats(rendered=tuple(rendered) or ("midi",), kinds=frozenset(kinds))


def format_names() -> str:
    """All names that `parse_formats` takes, with commas."""
    return ",".join([*(name.lower() for name in short_names(renderer_service_pb2.OutputFormat)), *_IR_KINDS])


def stems(files: Sequence[Path]) -> dict[Path, str]:
    """A stem for the outputs of each input.

    Raises:
        click.UsageError: Two inputs would write the same files.
    """
    named = {file: file.stem for file in files}
    twice = [stem for stem, count in Counter(named.values()).items() if count > 1]
    if twice:
        raise click.UsageError(
            f"several inputs are called {twice[0]!r} and would overwrite each other's files; annotate them one by one, "
            "each with its own -o DIR."
        )
    return named


def check_directory(directory: Path) -> None:
    """Sees that files can be written to a directory, which may be yet to be made, before any work is done for them.

    Raises:
        click.UsageError: They cannot.
    """
    nearest = directory.absolute()
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir():
        raise click.UsageError(f"files cannot go to {directory}: {nearest} is not a directory.")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise click.UsageError(
            f"files cannot go to {directory}: you may not write to {nearest}; choose another directory."
        )


def check_file(path: Path) -> None:
    """The same of one file, whose directory may be yet to be made: `write_report` makes it.

    Raises:
        click.UsageError: It cannot be written.
    """
    check_directory(path.parent)
    if path.exists() and not os.access(path, os.W_OK):
        raise click.UsageError(f"{path} cannot be written: it is there already, and you may not change it.")


def write_report(path: Path, html: str) -> None:
    """Writes a report; its directory is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html, encoding="utf-8")


def safe_name(directory: Path, name: str, inputs: Iterable[Path]) -> str:
    """A file name that is not that of an input: the engraved sonata.pdf beside its source is sonata.fingered.pdf."""
    target = directory / name
    if target.exists() and any(source.exists() and target.samefile(source) for source in inputs):
        return f"{target.stem}.fingered{target.suffix}"
    return name


def foreign_file(directory: Path, stem: str, inputs: Iterable[Path]) -> Path | None:
    """A file in the way that does not look like an earlier output; None when there is none.

    Files of an earlier run are known by those beside them that only Étude writes.
    """
    if any((directory / f"{stem}{suffix}").exists() for suffix in _OWN_SUFFIXES):
        return None
    for suffix in SUFFIXES.values():
        target = directory / f"{stem}{suffix}"
        if target.exists() and safe_name(directory, target.name, inputs) == target.name:
            return target
    return None


def outdated_files(directory: Path, stem: str, written: Iterable[Path], kinds: Iterable[int]) -> list[Path]:
    """Pages and movements that an earlier run wrote for the same input and this one no longer has."""
    endings = "|".join(re.escape(SUFFIXES[artifact_service_pb2.ArtifactKind.ValueType(kind)]) for kind in kinds)
    numbered = re.compile(rf"(?P<of>{re.escape(stem)}(\.mov\d+)?(?P<page>\.\d+)?)({endings})")
    new = {path.name for path in written} | {f"{stem}{suffix}" for suffix in SUFFIXES.values()}

    def is_another_input(match: re.Match[str]) -> bool:
        """Whether what looks like a page is the first one of an input called so, as of sonata.2.pdf."""
        return match["page"] is not None and any((directory / f"{match['of']}{own}").exists() for own in _OWN_SUFFIXES)

    found = ((path, numbered.fullmatch(path.name)) for path in sorted(directory.iterdir()) if path.name not in new)
    return [path for path, match in found if match and not is_another_input(match)]
