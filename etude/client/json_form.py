"""Messages of the contract as plain JSON values, the same for the command line and for HTTP.

Unlike protobuf's own JSON mapping: snake_case names, enum values without the prefix of their type, 64-bit integers as
numbers, every field present (null for an unset message and for an UNSPECIFIED enum value), google.rpc.Status in the
form of Étude's error envelope.
"""

from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.status_pb2 import Status

from etude.client.names import sentence, short_name_of
from etude.mesh.errors import EtudeError, from_status


def to_json(message: Message) -> dict[str, Any]:
    """A message as a dictionary that `json.dumps` takes.

    >>> from etude.job.v1 import job_pb2
    >>> to_json(job_pb2.JobSource(filename="a.pdf", size_bytes=3))["size_bytes"]
    3
    """
    return {field.name: _field(message, field) for field in message.DESCRIPTOR.fields}


def error_to_json(error: EtudeError) -> dict[str, Any]:
    """An error in the form all of Étude's JSON faces use, without the trace id."""
    details: dict[str, Any] = {name: value for name, value in error.metadata.items() if name != "trace_id"}
    if error.violations:
        details["violations"] = [{"field": field, "description": text} for field, text in error.violations]
    if error.retry_after_s is not None:
        details["retry_after_s"] = error.retry_after_s
    return {"code": error.code.name, "reason": error.reason, "message": sentence(error.message), "details": details}


def _field(message: Message, field: Any) -> Any:
    value = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        value_field = field.message_type.fields_by_name["value"]
        return {str(key): _value(item, value_field) for key, item in sorted(dict(value).items())}
    if field.is_repeated:
        return [_value(item, field) for item in value]
    if field.message_type is not None and not message.HasField(field.name):
        return None
    return _value(value, field)


def _value(value: Any, field: Any) -> Any:
    if field.message_type is not None:
        return _message(value)
    if field.enum_type is not None:
        return None if value == 0 else short_name_of(field.enum_type, value)
    if field.type == FieldDescriptor.TYPE_FLOAT:
        # Single precision has seven digits; more would only show noise.
        return float(f"{value:.7g}")
    if field.type == FieldDescriptor.TYPE_BYTES:
        return value.hex()
    return value


def _message(message: Message) -> Any:
    if isinstance(message, Timestamp):
        return message.ToJsonString()
    if isinstance(message, Duration):
        return message.ToTimedelta().total_seconds()
    if isinstance(message, Status):
        return error_to_json(from_status(message))
    return to_json(message)
