"""Small protobuf messages as JSON columns and enum values as short names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

_M = TypeVar("_M", bound=Message)


class _Enum(Protocol):
    def Name(self, number: Any) -> str:
        """The name of a value."""
        ...


def to_column(message: Message) -> dict[str, Any]:
    """The message in protobuf's JSON mapping, under the names of the schema."""
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def from_column(value: dict[str, Any] | None, message: _M) -> _M:
    """`message`, filled from a column; fields of later versions are passed over."""
    if value:
        json_format.ParseDict(value, message, ignore_unknown_fields=True)
    return message


def short_name(enum: _Enum, value: Any, prefix: str) -> str:
    """The name of an enum value without its prefix."""
    return enum.Name(value).removeprefix(prefix)


def timestamp(moment: datetime) -> Timestamp:
    """The moment as a protobuf timestamp."""
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def now() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)
