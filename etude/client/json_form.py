"""Messages of the contract as plain JSON values, the same for the command line and for HTTP.

Unlike protobuf's own JSON mapping: snake_case names, enum values without the prefix of their type, 64-bit integers as
numbers, every field present (null for an unset message and for an UNSPECIFIED enum value), google.rpc.Status in the
form of Étude's error envelope.
"""

from collections.abc import Callable, Sequence
from functools import cache
from operator import attrgetter
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.status_pb2 import Status

from etude.client.names import sentence, short_name_of
from etude.mesh.errors import EtudeError, from_status

_Convert = Callable[[Any], Any]


def to_json(message: Message) -> dict[str, Any]:
    """A message as a dictionary that `json.dumps` takes.

    >>> from etude.job.v1 import job_pb2
    >>> to_json(job_pb2.JobSource(filename="a.pdf", size_bytes=3))["size_bytes"]
    3
    """
    return {name: read(message) for name, read in _readers(message.DESCRIPTOR)}


def error_to_json(error: EtudeError) -> dict[str, Any]:
    """An error in the form all of Étude's JSON faces use, without the trace id."""
    details: dict[str, Any] = {name: value for name, value in error.metadata.items() if name != "trace_id"}
    if error.violations:
        details["violations"] = [{"field": field, "description": text} for field, text in error.violations]
    if error.retry_after_s is not None:
        details["retry_after_s"] = error.retry_after_s
    return {"code": error.code.name, "reason": error.reason, "message": sentence(error.message), "details": details}


@cache
def _readers(descriptor: Descriptor) -> Sequence[tuple[str, Callable[[Message], Any]]]:
    """What reads each field of a message type, found out once: asking descriptors takes longer than reading."""
    return tuple((field.name, _reader(field)) for field in descriptor.fields)


def _reader(field: FieldDescriptor) -> Callable[[Message], Any]:
    name, get, kind = field.name, attrgetter(field.name), field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        value = _converter(kind.fields_by_name["value"]) or _as_it_is
        return lambda message: {str(key): value(item) for key, item in sorted(dict(get(message)).items())}
    convert = _converter(field)
    if field.is_repeated:
        return lambda message: [convert(item) for item in get(message)] if convert else list(get(message))
    if convert is None:
        return get
    if kind is not None:
        return lambda message: convert(get(message)) if message.HasField(name) else None
    return lambda message: convert(get(message))


def _converter(field: FieldDescriptor) -> _Convert | None:
    """What makes a plain value of one of a field; None when it is one."""
    if field.message_type is not None:
        found: _Convert = _OF_MESSAGES.get(field.message_type.full_name, to_json)
        return found
    if field.enum_type is not None:
        return _enum_names(field.enum_type)
    if field.type == FieldDescriptor.TYPE_FLOAT:
        return _seven_digits
    if field.type == FieldDescriptor.TYPE_BYTES:
        return bytes.hex
    return None


def _enum_names(descriptor: EnumDescriptor) -> _Convert:
    names = {number: short_name_of(descriptor, number) for number in descriptor.values_by_number}

    def name(number: int) -> str | None:
        return None if number == 0 else names.get(number) or str(number)

    return name


def _seven_digits(value: float) -> float:
    # Single precision has seven digits; more would only show noise.
    return float(f"{value:.7g}")


def _as_it_is(value: Any) -> Any:
    return value


def _time(message: Timestamp) -> str:
    return message.ToJsonString()


def _seconds(message: Duration) -> float:
    return message.ToTimedelta().total_seconds()


def _error(message: Status) -> dict[str, Any]:
    return error_to_json(from_status(message))


_OF_MESSAGES: dict[str, _Convert] = {
    Timestamp.DESCRIPTOR.full_name: _time,
    Duration.DESCRIPTOR.full_name: _seconds,
    Status.DESCRIPTOR.full_name: _error,
}
