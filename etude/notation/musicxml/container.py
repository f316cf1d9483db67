"""Compressed MusicXML (.mxl): a ZIP archive that names its root file in META-INF/container.xml."""

from __future__ import annotations

import io
import zipfile
import zlib

from etude.notation.musicxml.tree import MAX_BYTES, MusicXmlError, parse_xml

_MAX_ENTRIES = 10_000
_SCORE_TYPES = ("", "application/vnd.recordare.musicxml+xml", "text/xml", "application/xml")


def is_zip(data: bytes) -> bool:
    """True for bytes that start as a ZIP archive does."""
    return data[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def unpack(data: bytes) -> bytes:
    """The MusicXML document within a compressed file.

    Raises:
        MusicXmlError: a damaged archive, one without a score, or one that unpacks to too much.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            if len(names) > _MAX_ENTRIES:
                raise MusicXmlError(f"the archive has {len(names):,} entries")
            return _read(archive, _root_name(archive, names))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise MusicXmlError(f"the compressed MusicXML is damaged or encrypted: {error}") from error


def _root_name(archive: zipfile.ZipFile, names: list[str]) -> str:
    if "META-INF/container.xml" in names:
        container = parse_xml(_read(archive, "META-INF/container.xml"))
        files = [file for group in container.all("rootfiles") for file in group.all("rootfile")]
        for file in files:
            if file.get("media-type") in _SCORE_TYPES and file.get("full-path") in names:
                return file.get("full-path")
    for name in names:
        if name.lower().endswith((".xml", ".musicxml")) and not name.startswith(("META-INF/", "__MACOSX/")):
            return name
    raise MusicXmlError("the archive holds no MusicXML file")


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    """An entry, unpacked in bounded memory whatever its header claims."""
    with archive.open(name) as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise MusicXmlError(f"{name} unpacks to more than {MAX_BYTES:,} bytes")
    return data
