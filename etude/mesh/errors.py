"""Errors of the mesh: one exception, one table from its reasons to gRPC and HTTP codes, both directions of the wire.

On the wire an error is a `google.rpc.Status` with `ErrorInfo` (reason, domain "etude"), `BadRequest` where fields are
at fault and `RetryInfo` where trying again helps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import grpc
from google.protobuf.any_pb2 import Any as ProtoAny
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from etude.stage.v1.error_reason_pb2 import ErrorReason

DOMAIN = "etude"
STATUS_DETAILS_KEY = "grpc-status-details-bin"
_PREFIX = "ERROR_REASON_"
_MESSAGE_LIMIT = 4096  # a status travels in HTTP/2 headers, which peers bound to 8 or 16 KiB
_VIOLATION_LIMIT = 32


@dataclass(frozen=True, slots=True)
class Codes:
    """What a reason is to gRPC and to HTTP."""

    grpc: grpc.StatusCode
    http: int


def _codes(code: grpc.StatusCode, http: int) -> Codes:
    return Codes(code, http)


_C = grpc.StatusCode
TABLE: Mapping[str, Codes] = {
    "UNSPECIFIED": _codes(_C.UNKNOWN, 500),
    "INVALID_REQUEST": _codes(_C.INVALID_ARGUMENT, 400),
    "EMPTY_FILE": _codes(_C.INVALID_ARGUMENT, 400),
    "UNSUPPORTED_MEDIA_TYPE": _codes(_C.INVALID_ARGUMENT, 415),
    "CORRUPT_FILE": _codes(_C.INVALID_ARGUMENT, 422),
    "ENCRYPTED_FILE": _codes(_C.INVALID_ARGUMENT, 422),
    "NO_PAGES": _codes(_C.INVALID_ARGUMENT, 422),
    "FILE_TOO_LARGE": _codes(_C.INVALID_ARGUMENT, 413),
    "TOO_MANY_PAGES": _codes(_C.INVALID_ARGUMENT, 413),
    "PAGE_SIZE": _codes(_C.INVALID_ARGUMENT, 422),
    "NO_VECTOR_MUSIC": _codes(_C.FAILED_PRECONDITION, 422),
    "NO_MUSIC": _codes(_C.FAILED_PRECONDITION, 422),
    "INVALID_SCORE": _codes(_C.INVALID_ARGUMENT, 422),
    "INVALID_CONSTRAINT": _codes(_C.INVALID_ARGUMENT, 422),
    "IMPOSSIBLE_CONSTRAINT": _codes(_C.INVALID_ARGUMENT, 422),
    "TIME_LIMIT": _codes(_C.DEADLINE_EXCEEDED, 504),
    "MEMORY_LIMIT": _codes(_C.RESOURCE_EXHAUSTED, 503),
    "WORKER_DIED": _codes(_C.INTERNAL, 500),
    "JOB_NOT_FOUND": _codes(_C.NOT_FOUND, 404),
    "ARTIFACT_NOT_FOUND": _codes(_C.NOT_FOUND, 404),
    "MODEL_NOT_FOUND": _codes(_C.NOT_FOUND, 404),
    "INVALID_STATE": _codes(_C.FAILED_PRECONDITION, 409),
    "REQUEST_ID_REUSED": _codes(_C.ALREADY_EXISTS, 409),
    "STALE_EPOCH": _codes(_C.ABORTED, 409),
    "DEPENDENCY_UNAVAILABLE": _codes(_C.UNAVAILABLE, 503),
    "SHUTTING_DOWN": _codes(_C.UNAVAILABLE, 503),
    "UNAUTHENTICATED": _codes(_C.UNAUTHENTICATED, 401),
    "PERMISSION_DENIED": _codes(_C.PERMISSION_DENIED, 403),
    "RATE_LIMITED": _codes(_C.RESOURCE_EXHAUSTED, 429),
    "OUT_OF_RANGE": _codes(_C.OUT_OF_RANGE, 416),
    "INTERNAL": _codes(_C.INTERNAL, 500),
    "CANCELLED": _codes(_C.CANCELLED, 499),
    "CHECKSUM_MISMATCH": _codes(_C.DATA_LOSS, 500),
    "USER_NOT_FOUND": _codes(_C.NOT_FOUND, 404),
    "UNREADABLE": _codes(_C.FAILED_PRECONDITION, 422),
    "USER_EXISTS": _codes(_C.ALREADY_EXISTS, 409),
    "API_KEY_NOT_FOUND": _codes(_C.NOT_FOUND, 404),
}

# The reason of an error that came without ErrorInfo: made by gRPC itself or by a server in another language.
_REASON_OF_BARE_CODE: Mapping[grpc.StatusCode, str] = {
    _C.CANCELLED: "CANCELLED",
    _C.INVALID_ARGUMENT: "INVALID_REQUEST",
    _C.DEADLINE_EXCEEDED: "TIME_LIMIT",
    _C.PERMISSION_DENIED: "PERMISSION_DENIED",
    _C.UNAUTHENTICATED: "UNAUTHENTICATED",
    _C.RESOURCE_EXHAUSTED: "MEMORY_LIMIT",
    _C.FAILED_PRECONDITION: "INVALID_STATE",
    _C.ABORTED: "STALE_EPOCH",
    _C.OUT_OF_RANGE: "OUT_OF_RANGE",
    _C.UNAVAILABLE: "DEPENDENCY_UNAVAILABLE",
    _C.DATA_LOSS: "CHECKSUM_MISMATCH",
}


#: What grpc.aio says, now and then, in place of the status of a server that ended a call which was still being sent.
_STATUS_LOST = "Internal error from Core"


class EtudeError(Exception):
    """A call or job failed for a reason that is part of the contract.

    Attributes:
        reason: Name of an `ErrorReason` without its prefix, for example "EMPTY_FILE".
        message: What is wrong and what to do about it, for a person. Holds no secret and no path of the server.
        violations: (field or id, description) of what is at fault in the request.
        metadata: Facts for programs, such as {"state": "COMPLETED"}.
        retry_after_s: Seconds after which trying again makes sense; None where it does not or is not known.
    """

    def __init__(
        self,
        reason: str | ErrorReason.ValueType,
        message: str,
        *,
        violations: Sequence[tuple[str, str]] = (),
        metadata: Mapping[str, str] | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        """See the attributes; `reason` may be the enum's value, its name, or its name without prefix.

        Raises:
            ValueError: There is no such reason.
        """
        super().__init__(message)
        self.reason = _reason_name(reason)
        self.message = message
        self.violations = tuple(violations)
        self.metadata = dict(metadata or {})
        self.retry_after_s = retry_after_s

    @property
    def code(self) -> grpc.StatusCode:
        """The gRPC status code of the reason."""
        return TABLE[self.reason].grpc

    @property
    def http_status(self) -> int:
        """The HTTP status of the reason."""
        return TABLE[self.reason].http

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"

    def __reduce__(self) -> tuple[object, ...]:
        # Exception's own pickling would lose the keyword arguments on the way back from a worker process.
        return _rebuild, (self.reason, self.message, self.violations, self.metadata, self.retry_after_s)


def invalid_field(field: str, message: str) -> EtudeError:
    """INVALID_REQUEST for one field of a request: `field` is its path in the message ("options.formats")."""
    return EtudeError("INVALID_REQUEST", message, violations=[(field, message)])


def _rebuild(
    reason: str,
    message: str,
    violations: tuple[tuple[str, str], ...],
    metadata: dict[str, str],
    retry_after_s: float | None,
) -> EtudeError:
    return EtudeError(reason, message, violations=violations, metadata=metadata, retry_after_s=retry_after_s)


def _reason_name(reason: str | ErrorReason.ValueType) -> str:
    """The name without prefix of a reason given as enum value, full name or short name.

    Raises:
        ValueError: There is no such reason.
    """
    name = reason if isinstance(reason, str) else ErrorReason.Name(reason)
    name = name.removeprefix(_PREFIX)
    if name not in TABLE:
        raise ValueError(f"unknown error reason {reason!r}")
    return name


def to_status(error: BaseException, *, trace_id: str = "") -> status_pb2.Status:
    """The wire form of any exception; anything but an `EtudeError` becomes INTERNAL and says nothing of its content.

    Long messages and long lists of violations are cut so that the status fits into HTTP/2 headers; the number of
    violations left out is told in `ErrorInfo.metadata["violations_omitted"]`.
    """
    if not isinstance(error, EtudeError):
        where = f" with its trace id {trace_id}" if trace_id else ""
        error = EtudeError("INTERNAL", f"This is a fault in Étude; please report it{where}.")
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata)
    if trace_id:
        info.metadata["trace_id"] = trace_id
    details: list[ProtoAny] = []
    if error.violations:
        shown = error.violations[:_VIOLATION_LIMIT]
        if len(shown) < len(error.violations):
            info.metadata["violations_omitted"] = str(len(error.violations) - len(shown))
        bad_request = error_details_pb2.BadRequest(
            field_violations=[
                error_details_pb2.BadRequest.FieldViolation(field=field[:200], description=text[:200])
                for field, text in shown
            ]
        )
        details.append(_packed(bad_request))
    if error.retry_after_s is not None:
        retry_info = error_details_pb2.RetryInfo()
        retry_info.retry_delay.FromNanoseconds(round(error.retry_after_s * 1e9))
        details.append(_packed(retry_info))
    message = error.message if len(error.message) <= _MESSAGE_LIMIT else error.message[: _MESSAGE_LIMIT - 1] + "…"
    return status_pb2.Status(code=error.code.value[0], message=message, details=[_packed(info), *details])


def from_status(status: status_pb2.Status) -> EtudeError:
    """The error a `google.rpc.Status` stands for; the inverse of `to_status`."""
    reason, metadata, violations, retry_after_s = "", {}, [], None
    for detail in status.details:
        info, bad_request, retry_info = (
            error_details_pb2.ErrorInfo(),
            error_details_pb2.BadRequest(),
            error_details_pb2.RetryInfo(),
        )
        if detail.Unpack(info) and info.domain == DOMAIN and info.reason in TABLE:
            reason, metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(bad_request):
            violations = [(violation.field, violation.description) for violation in bad_request.field_violations]
        elif detail.Unpack(retry_info):
            retry_after_s = retry_info.retry_delay.ToNanoseconds() / 1e9
    return EtudeError(
        reason or _REASON_OF_BARE_CODE.get(_CODE_OF_NUMBER.get(status.code, _C.UNKNOWN), "INTERNAL"),
        status.message or "the server gave no message",
        violations=violations,
        metadata=metadata,
        retry_after_s=retry_after_s,
    )


def from_rpc_error(error: grpc.RpcError) -> EtudeError:
    """The error a failed call stands for, from its trailing status or, where there is none, from its bare code.

    Takes what both `grpc` and `grpc.aio` raise. An error that came with a status of another domain, or without one,
    gets the reason its code suggests; `metadata["grpc_code"]` then tells the code.
    """
    code: grpc.StatusCode = error.code()
    trailing = cast("Iterable[tuple[str, bytes]]", error.trailing_metadata() or ())
    for key, value in trailing:
        if key == STATUS_DETAILS_KEY:
            return from_status(status_pb2.Status.FromString(value))
    if code is _C.INTERNAL and error.details() == _STATUS_LOST:
        why = "the server ended the call before it had all of it, and why was lost on the way; try again"
        return EtudeError("DEPENDENCY_UNAVAILABLE", why, metadata={"grpc_code": code.name})
    return EtudeError(
        _REASON_OF_BARE_CODE.get(code, "INTERNAL"),
        error.details() or f"the call failed with {code.name}",
        metadata={"grpc_code": code.name},
    )


_CODE_OF_NUMBER = {code.value[0]: code for code in grpc.StatusCode}


def _packed(message: Message) -> ProtoAny:
    packed = ProtoAny()
    packed.Pack(message)
    return packed
