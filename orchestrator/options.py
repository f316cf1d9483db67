"""Job options: checked, and filled from the user's preferences where they leave something open."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from etude.identity.v1.identity_service_pb2 import UserPreferences
from etude.job.v1.job_pb2 import JobOptions
from etude.mesh.errors import EtudeError
from etude.score.v1.provenance_pb2 import UncertaintyPolicy
from etude.stage.v1.fingering_service_pb2 import FingeringDensity, HandProfile, HandSize
from etude.stage.v1.omr_service_pb2 import ReaderMode
from etude.stage.v1.renderer_service_pb2 import OutputFormat
from orchestrator.naming import safe_filename


def completed(options: JobOptions, preferences: UserPreferences) -> JobOptions:
    """The options with a safe file name and the user's preferences where they were left open.

    Raises:
        EtudeError: INVALID_REQUEST, naming every field at fault.
    """
    result = JobOptions()
    result.CopyFrom(options)
    result.filename = safe_filename(options.filename)
    if not options.HasField("hand_profile") and preferences.HasField("hand_profile"):
        result.hand_profile.CopyFrom(preferences.hand_profile)
    if not options.density:
        result.density = preferences.density
    if not options.formats:
        result.formats.extend(preferences.formats)
    violations = [
        *_unknown("options.reader", options.reader, ReaderMode.values()),
        *_unknown("options.uncertainty_policy", options.uncertainty_policy, UncertaintyPolicy.values()),
        *_preference_violations("options", options.hand_profile, options.density, options.formats),
    ]
    if options.first_page < 0:
        violations.append(("options.first_page", "must be 0 or a page number from 1"))
    if options.last_page < 0 or 0 < options.last_page < options.first_page:
        violations.append(("options.last_page", "must be 0 or a page number not before first_page"))
    _raise(violations)
    return result


def check_preferences(preferences: UserPreferences) -> None:
    """Accept preferences, or say which fields are at fault.

    Raises:
        EtudeError: INVALID_REQUEST.
    """
    _raise(
        _preference_violations("preferences", preferences.hand_profile, preferences.density, list(preferences.formats))
    )


def merged(known: UserPreferences, changed: UserPreferences, paths: Iterable[str]) -> UserPreferences:
    """`known` with the fields named by `paths` (a field mask, AIP-161) from `changed`; without paths all of `changed`.

    Raises:
        EtudeError: INVALID_REQUEST for a path that is no field.
    """
    names = list(UserPreferences.DESCRIPTOR.fields_by_name)
    wanted = set(paths) or set(names)
    _raise([(f"update_mask.{path}", f"must be one of {', '.join(names)}") for path in sorted(wanted - set(names))])
    hand, density, formats = (changed if name in wanted else known for name in ("hand_profile", "density", "formats"))
    return UserPreferences(
        hand_profile=hand.hand_profile if hand.HasField("hand_profile") else None,
        density=density.density,
        formats=dict.fromkeys(formats.formats),
    )


def check_request_id(request_id: str) -> str:
    """A request id in its usual form; empty stays empty.

    Raises:
        EtudeError: INVALID_REQUEST when it is no UUID.
    """
    if not request_id:
        return ""
    try:
        return str(uuid.UUID(request_id))
    except ValueError:
        raise EtudeError(
            "INVALID_REQUEST", "the request id is not a UUID", violations=[("request_id", "must be a UUID, or empty")]
        ) from None


def _preference_violations(
    prefix: str, hand: HandProfile, density: int, formats: Iterable[int]
) -> list[tuple[str, str]]:
    violations = [
        *_unknown(f"{prefix}.hand_profile.size", hand.size, HandSize.values()),
        *_unknown(f"{prefix}.density", density, FingeringDensity.values()),
    ]
    if hand.max_span_semitones and not 10 <= hand.max_span_semitones <= 20:
        violations.append((f"{prefix}.hand_profile.max_span_semitones", "must be 0 or from 10 to 20"))
    known = [value for value in OutputFormat.values() if value]
    for index, format_ in enumerate(formats):
        violations.extend(_unknown(f"{prefix}.formats[{index}]", format_, known))
    return violations


def _unknown(field: str, value: int, known: Iterable[int]) -> list[tuple[str, str]]:
    return [] if value in tuple(known) else [(field, f"{value} is not a known value")]


def _raise(violations: list[tuple[str, str]]) -> None:
    if violations:
        raise EtudeError(
            "INVALID_REQUEST",
            "the request is wrong in: " + ", ".join(field for field, _ in violations),
            violations=violations,
        )
