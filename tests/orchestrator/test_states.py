"""The state machine: every pair of states under every cause, against the table written out independently."""

from __future__ import annotations

from itertools import product

import pytest

from etude.job.v1.job_pb2 import JobState
from etude.mesh.errors import EtudeError
from orchestrator.pipeline import PIPELINE, is_past
from orchestrator.states import ALL_STATES, AT_REST, RETRYABLE, TERMINAL, Cause, check, is_allowed, state_name

FORWARD = {
    ("PENDING", "OMR_PROCESSING"): "START",
    ("OMR_PROCESSING", "OMR_COMPLETED"): "FINISH",
    ("OMR_PROCESSING", "OMR_FAILED"): "FAIL",
    ("OMR_FAILED", "OMR_PROCESSING"): "RETRY",
    ("OMR_COMPLETED", "FINGERING_PROCESSING"): "START",
    ("FINGERING_PROCESSING", "FINGERING_COMPLETED"): "FINISH",
    ("FINGERING_PROCESSING", "FINGERING_FAILED"): "FAIL",
    ("FINGERING_FAILED", "FINGERING_PROCESSING"): "RETRY",
    ("FINGERING_COMPLETED", "RENDERING_PROCESSING"): "START",
    ("RENDERING_PROCESSING", "COMPLETED"): "FINISH",
    ("RENDERING_PROCESSING", "FAILED"): "FAIL",
}


def expected(source: str, target: str, cause: str) -> bool:
    if source in ("COMPLETED", "FAILED", "CANCELLED"):
        return False
    if cause == "TAKEOVER":
        return source == target and source.endswith("_PROCESSING")
    if cause == "ABANDON":
        return target == "FAILED"
    if cause == "CANCEL":
        return target == "CANCELLED"
    return FORWARD.get((source, target)) == cause


@pytest.mark.parametrize(("source", "target"), list(product(ALL_STATES, ALL_STATES)), ids=state_name)
def test_every_pair(source: JobState.ValueType, target: JobState.ValueType) -> None:
    for cause in Cause:
        wanted = expected(state_name(source), state_name(target), cause.name)
        assert is_allowed(source, target, cause) is wanted, cause
        if wanted:
            check(source, target, cause, epoch=7, expected_epoch=7)
            check(source, target, cause, epoch=7, expected_epoch=None)
        else:
            with pytest.raises(EtudeError) as refused:
                check(source, target, cause, epoch=7, expected_epoch=7)
            assert refused.value.reason == "INVALID_STATE"
            assert refused.value.metadata["state"] == state_name(source)
        with pytest.raises(EtudeError) as stale:
            check(source, target, cause, epoch=7, expected_epoch=6)
        assert stale.value.reason == "STALE_EPOCH"


def test_sets_of_states() -> None:
    assert {state_name(state) for state in TERMINAL} == {"COMPLETED", "FAILED", "CANCELLED"}
    assert {state_name(state) for state in RETRYABLE} == {"OMR_FAILED", "FINGERING_FAILED"}
    assert len(ALL_STATES) == 11


def test_every_state_can_come_to_rest() -> None:
    for state in set(ALL_STATES) - TERMINAL:
        reached = {state}
        while (
            new := {
                target
                for source in reached
                for target in ALL_STATES
                for cause in (Cause.START, Cause.FINISH, Cause.RETRY)
                if is_allowed(source, target, cause)
            }
            - reached
        ):
            reached |= new
        assert JobState.JOB_STATE_COMPLETED in reached, state_name(state)


def test_steps_agree_with_the_table() -> None:
    for step in PIPELINE:
        assert is_allowed(step.ready, step.processing, Cause.START)
        assert is_allowed(step.processing, step.processing, Cause.TAKEOVER)
        assert is_allowed(step.processing, step.finished, Cause.FINISH)
        assert is_allowed(step.processing, step.failed, Cause.FAIL)
    assert [is_past(step, JobState.JOB_STATE_FINGERING_PROCESSING) for step in PIPELINE] == [True, False, False]
    assert not any(is_past(step, state) for step in PIPELINE for state in AT_REST)
