"""E-mail addresses as names to log in with."""

from __future__ import annotations

import re
import unicodedata

from etude.mesh.errors import EtudeError

# Not what RFC 5321 allows, but what people have: something, an @, and a domain; nothing that could break a header.
_ADDRESS = re.compile(r"[^\s@\x00-\x1f\x7f]{1,64}@[^\s@\x00-\x1f\x7f.]+(\.[^\s@\x00-\x1f\x7f.]+)*")
_MOST = 254


def checked(email: str) -> str:
    """An address without surrounding space.

    Raises:
        EtudeError: INVALID_REQUEST when it is none.
    """
    trimmed = unicodedata.normalize("NFC", email.strip()[: 4 * _MOST])
    # The form to compare may be longer than what was written: some characters stand for several.
    if max(len(trimmed), len(key_of(trimmed))) > _MOST or not _ADDRESS.fullmatch(trimmed):
        rule = "must be an e-mail address, such as ada@example.org"
        raise EtudeError("INVALID_REQUEST", f"the email {rule}", violations=[("email", rule)])
    return trimmed


def key_of(email: str) -> str:
    """The form in which addresses are compared: who writes their own in capitals is the same person.

    >>> key_of(" Ada@Example.ORG ")
    'ada@example.org'
    """
    whole = email.strip()[: 4 * _MOST]  # beyond that it is no address, and work for nothing
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", whole).casefold())
