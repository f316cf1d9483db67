"""Reading and writing Scores as bytes: protobuf's binary form and its JSON mapping.

Both are deterministic: the same Score under the same version of Étude gives the same bytes.
"""

from __future__ import annotations

import hashlib

from google.protobuf import json_format
from google.protobuf.message import DecodeError

from etude.notation import json_text
from etude.score.v1 import score_pb2

SCHEMA_VERSION = "1.0.0"
"""Version of the schema that Scores are written under."""

_MAJOR = SCHEMA_VERSION.split(".", 1)[0]


class ScoreFormatError(ValueError):
    """Bytes that are no Score, or one of a version this library does not read."""


def to_json(score: score_pb2.Score) -> bytes:
    """The Score in protobuf's JSON mapping, UTF-8, two spaces of indentation, a newline at the end.

    Fields stand in the order of the schema, map entries in the order of their keys; defaults are left out.
    """
    return (json_text.to_text(score) + "\n").encode()


def from_json(data: bytes | str) -> score_pb2.Score:
    """The Score of a JSON text.

    Fields of later minor versions are passed over.

    Raises:
        ScoreFormatError: not JSON, not a Score, or of another major version.
    """
    score = score_pb2.Score()
    try:
        text = data.decode("utf-8-sig") if isinstance(data, bytes) else data
        json_format.Parse(text, score, ignore_unknown_fields=True)
    except (json_format.ParseError, UnicodeDecodeError, RecursionError) as error:
        raise ScoreFormatError(f"this is no Score in JSON: {error}") from error
    check_version(score)
    return score


def to_bytes(score: score_pb2.Score) -> bytes:
    """The Score in protobuf's binary form."""
    return score.SerializeToString(deterministic=True)


def from_bytes(data: bytes) -> score_pb2.Score:
    """The Score of binary bytes.

    Raises:
        ScoreFormatError: not a Score, or of another major version.
    """
    score = score_pb2.Score()
    try:
        score.ParseFromString(data)
    except DecodeError as error:
        raise ScoreFormatError(f"this is no binary Score: {error}") from error
    check_version(score)
    return score


def read_score(data: bytes) -> score_pb2.Score:
    """The Score of bytes in either form, told apart by their first character.

    Raises:
        ScoreFormatError: neither, or of another major version.
    """
    # A binary Score starts with a line feed (the tag of its first field) and the length of its version, which no JSON
    # text does: the length would have to be that of a brace.
    return from_json(data) if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{" else from_bytes(data)


def check_version(score: score_pb2.Score) -> None:
    """Returns when this library reads the Score's schema version.

    Raises:
        ScoreFormatError: it does not.
    """
    if not score.schema_version:
        raise ScoreFormatError("this is no Score: its schema_version is missing")
    if score.schema_version.split(".", 1)[0] != _MAJOR:
        raise ScoreFormatError(
            f"the Score is of schema version {score.schema_version}; this version of Étude reads {_MAJOR}.x"
        )


def digest(data: bytes) -> str:
    """ "sha256:" and the hex digest of bytes, as artifacts and provenance name them."""
    return "sha256:" + hashlib.sha256(data).hexdigest()
