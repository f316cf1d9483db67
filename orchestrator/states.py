"""The states of a job and the changes between them, as data.

The table `TRANSITIONS` is the whole truth about which change is allowed and what may cause it; everything else here
is a pure function over it. Whoever changes a job's state goes through `check` within the transaction that changes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from etude.job.v1.job_pb2 import JobState
from etude.mesh.errors import EtudeError

PENDING = JobState.JOB_STATE_PENDING
OMR_PROCESSING = JobState.JOB_STATE_OMR_PROCESSING
OMR_COMPLETED = JobState.JOB_STATE_OMR_COMPLETED
OMR_FAILED = JobState.JOB_STATE_OMR_FAILED
FINGERING_PROCESSING = JobState.JOB_STATE_FINGERING_PROCESSING
FINGERING_COMPLETED = JobState.JOB_STATE_FINGERING_COMPLETED
FINGERING_FAILED = JobState.JOB_STATE_FINGERING_FAILED
RENDERING_PROCESSING = JobState.JOB_STATE_RENDERING_PROCESSING
COMPLETED = JobState.JOB_STATE_COMPLETED
FAILED = JobState.JOB_STATE_FAILED
CANCELLED = JobState.JOB_STATE_CANCELLED

ALL_STATES = tuple(state for state in JobState.values() if state != JobState.JOB_STATE_UNSPECIFIED)
TERMINAL = frozenset({COMPLETED, FAILED, CANCELLED})
RETRYABLE = frozenset({OMR_FAILED, FINGERING_FAILED})
#: Nothing happens to a job in one of these until somebody asks for it.
AT_REST = TERMINAL | RETRYABLE
ACTIVE = frozenset(ALL_STATES) - AT_REST


class Cause(Enum):
    """What may change a job's state."""

    START = "start"  # a stage begins
    TAKEOVER = "takeover"  # a stage begins again after the process that ran it died
    FINISH = "finish"  # a stage has done its work
    FAIL = "fail"  # a stage could not do its work
    RETRY = "retry"  # the owner asks to try again
    ABANDON = "abandon"  # the job cannot go on
    CANCEL = "cancel"  # the owner asks to stop


@dataclass(frozen=True, slots=True)
class Transition:
    """An allowed change of state."""

    source: JobState.ValueType
    target: JobState.ValueType
    cause: Cause


TRANSITIONS: tuple[Transition, ...] = (
    Transition(PENDING, OMR_PROCESSING, Cause.START),
    Transition(OMR_PROCESSING, OMR_PROCESSING, Cause.TAKEOVER),
    Transition(OMR_PROCESSING, OMR_COMPLETED, Cause.FINISH),
    Transition(OMR_PROCESSING, OMR_FAILED, Cause.FAIL),
    Transition(OMR_FAILED, OMR_PROCESSING, Cause.RETRY),
    Transition(OMR_COMPLETED, FINGERING_PROCESSING, Cause.START),
    Transition(FINGERING_PROCESSING, FINGERING_PROCESSING, Cause.TAKEOVER),
    Transition(FINGERING_PROCESSING, FINGERING_COMPLETED, Cause.FINISH),
    Transition(FINGERING_PROCESSING, FINGERING_FAILED, Cause.FAIL),
    Transition(FINGERING_FAILED, FINGERING_PROCESSING, Cause.RETRY),
    Transition(FINGERING_COMPLETED, RENDERING_PROCESSING, Cause.START),
    Transition(RENDERING_PROCESSING, RENDERING_PROCESSING, Cause.TAKEOVER),
    Transition(RENDERING_PROCESSING, COMPLETED, Cause.FINISH),
    Transition(RENDERING_PROCESSING, FAILED, Cause.FAIL),
    *(Transition(state, FAILED, Cause.ABANDON) for state in ALL_STATES if state not in TERMINAL),
    *(Transition(state, CANCELLED, Cause.CANCEL) for state in ALL_STATES if state not in TERMINAL),
)

_TARGETS = {(transition.source, transition.target, transition.cause) for transition in TRANSITIONS}


def is_allowed(source: JobState.ValueType, target: JobState.ValueType, cause: Cause) -> bool:
    """True when the table holds this change."""
    return (source, target, cause) in _TARGETS


def state_name(state: JobState.ValueType) -> str:
    """The state's name without its prefix, for example "OMR_PROCESSING"."""
    return JobState.Name(state).removeprefix("JOB_STATE_")


def check(
    source: JobState.ValueType,
    target: JobState.ValueType,
    cause: Cause,
    *,
    epoch: int,
    expected_epoch: int | None,
) -> None:
    """Accept a change of state, or say why not.

    Args:
        source: The job's state now.
        target: The state wanted.
        cause: What wants it.
        epoch: The job's epoch now.
        expected_epoch: The epoch the caller believes the job to be in; None when it acts for the owner, whatever
            the epoch.

    Raises:
        EtudeError: STALE_EPOCH when somebody else has changed the job since; INVALID_STATE when the table does not
            hold the change.
    """
    if expected_epoch is not None and expected_epoch != epoch:
        raise EtudeError(
            "STALE_EPOCH",
            f"the job is in epoch {epoch} ({state_name(source)}); "
            f"work begun in epoch {expected_epoch} no longer counts",
            metadata={"state": state_name(source)},
        )
    if not is_allowed(source, target, cause):
        raise EtudeError(
            "INVALID_STATE",
            f"a job in {state_name(source)} cannot become {state_name(target)} by {cause.value}",
            metadata={"state": state_name(source)},
        )
