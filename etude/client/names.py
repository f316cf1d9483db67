"""Short names of the contract's enum values, as people and JSON use them: "COMPLETED" for JOB_STATE_COMPLETED."""

from functools import cache
from typing import Any

from google.protobuf.descriptor import EnumDescriptor

from etude.job.v1 import job_pb2
from etude.mesh.errors import EtudeError

RESTING_STATES = frozenset(
    {
        job_pb2.JOB_STATE_COMPLETED,
        job_pb2.JOB_STATE_FAILED,
        job_pb2.JOB_STATE_CANCELLED,
        job_pb2.JOB_STATE_OMR_FAILED,
        job_pb2.JOB_STATE_FINGERING_FAILED,
    }
)
"""States in which nothing happens until somebody acts: the terminal ones and those that can be retried."""

FAILED_STATES = RESTING_STATES - {job_pb2.JOB_STATE_COMPLETED}
"""Resting states of a job that has not made what it was asked for."""


@cache
def _prefix(descriptor: EnumDescriptor) -> str:
    """The prefix all values of an enum share by the style guide, found at its zero value (JOB_STATE_UNSPECIFIED)."""
    return str(descriptor.values_by_number[0].name).removesuffix("UNSPECIFIED")


def short_name(enum: Any, number: int) -> str:
    """The name of an enum value without the prefix of its type; the number as text when it is not known here.

    >>> short_name(job_pb2.JobState, job_pb2.JOB_STATE_COMPLETED)
    'COMPLETED'
    """
    return short_name_of(enum.DESCRIPTOR, number)


def short_name_of(descriptor: EnumDescriptor, number: int) -> str:
    """As `short_name`, for a descriptor."""
    value = descriptor.values_by_number.get(number)
    return str(number) if value is None else str(value.name).removeprefix(_prefix(descriptor))


def short_names(enum: Any) -> tuple[str, ...]:
    """All short names of an enum except UNSPECIFIED, in the order of their numbers."""
    return tuple(short_name(enum, value.number) for value in enum.DESCRIPTOR.values if value.number != 0)


def enum_value(enum: Any, name: str, *, field: str) -> Any:
    """The number of an enum value by its short name in any case.

    Raises:
        EtudeError: INVALID_REQUEST, naming `field` and the names there are.
    """
    wanted = name.strip().upper().replace("-", "_")
    for value in enum.DESCRIPTOR.values:
        if value.number != 0 and short_name(enum, value.number) == wanted:
            return value.number
    known = ", ".join(choice.lower() for choice in short_names(enum))
    raise EtudeError(
        "INVALID_REQUEST",
        f"{name!r} is not a {field.replace('_', ' ')}; choose one of {known}.",
        violations=[(field, f"must be one of {known}")],
    )


def sentence(text: str) -> str:
    """A message as a sentence: with a capital at the start and a stop at the end, whoever wrote it.

    >>> sentence("the file is empty; choose another"), sentence("a.pdf is empty.")
    ('The file is empty; choose another.', 'a.pdf is empty.')
    """
    trimmed = text.strip()
    first_word = trimmed.partition(" ")[0]
    if first_word.isalpha():
        trimmed = trimmed[:1].upper() + trimmed[1:]
    return trimmed + ("" if trimmed.endswith((".", "!", "?", "…")) else ".")
