"""The header that says under which name a download is saved (RFC 6266)."""

from __future__ import annotations

from urllib.parse import quote


def content_disposition(disposition: str, filename: str) -> str:
    """A Content-Disposition header with a name for old clients and one in UTF-8.

    >>> content_disposition("attachment", "Étude.mid")
    'attachment; filename="_tude.mid"; filename*=UTF-8\\'\\'%C3%89tude.mid'
    """
    plain = "".join(char if char.isascii() and char.isprintable() and char not in '"\\;' else "_" for char in filename)
    return f"{disposition}; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
