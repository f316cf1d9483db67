"""What a worker process does for one call: request bytes in, result bytes out."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from etude import __version__ as etude_version
from etude.mesh.errors import EtudeError
from etude.mesh.workers import report_progress
from etude.notation.io import digest, to_bytes
from etude.notation.validate import validate
from etude.score.v1 import provenance_pb2
from etude.stage.v1 import fingering_service_pb2, stage_pb2
from fingering_service.annotate import Options, annotate
from fingering_service.models import FingeringModel, Registry
from fingering_service.profile import PROFILES, HandProfile

_SIZES = {
    fingering_service_pb2.HAND_SIZE_UNSPECIFIED: "M",
    fingering_service_pb2.HAND_SIZE_SMALL: "S",
    fingering_service_pb2.HAND_SIZE_MEDIUM: "M",
    fingering_service_pb2.HAND_SIZE_LARGE: "L",
}

MEDIA_TYPE = "application/x-protobuf; messageType=etude.score.v1.Score"

LEAST_SPAN, GREATEST_SPAN = 10, 20
GREATEST_ALTERNATIVE_COUNT = 10


@lru_cache(maxsize=1)
def registry() -> Registry:
    """The models of this process, loaded once."""
    return Registry.load()


def annotate_bytes(request: bytes) -> bytes:
    """Serialized `AnnotateResult` for a serialized `AnnotateRequest`; progress goes to the pool as (part, sentence).

    Raises:
        EtudeError: INVALID_REQUEST, INVALID_SCORE, MODEL_NOT_FOUND, and what `annotate` raises.
    """
    message = fingering_service_pb2.AnnotateRequest.FromString(request)
    return respond(message, registry(), _report).SerializeToString(deterministic=True)


def stage_info_bytes() -> bytes:
    """Serialized `StageInfo` of this service."""
    models = registry()
    info = stage_pb2.StageInfo(
        name="fingering_service",
        version=etude_version,
        accepted_media_types=[MEDIA_TYPE],
        produced_media_types=[MEDIA_TYPE],
        models=[
            stage_pb2.ModelInfo(
                model=provenance_pb2.ModelRef(name=m.name, version=m.version, digest=m.digest),
                stage="fingering",
                description=m.description,
                licence="Apache-2.0",
                is_default=m is models.default,
                size_bytes=m.size_bytes,
            )
            for m in models.models
        ],
    )
    return info.SerializeToString(deterministic=True)


def _report(fraction: float, message: str) -> None:
    report_progress((fraction, message))


def respond(
    request: fingering_service_pb2.AnnotateRequest,
    models: Registry,
    report: Callable[[float, str], None] | None = None,
) -> fingering_service_pb2.AnnotateResult:
    """The answer to a request.

    Raises:
        EtudeError: As `annotate_bytes`.
    """
    _check(request)
    model = models.find(request.model)
    profile = profile_of(request.hand_profile)
    options = Options(
        profile=profile,
        pins=tuple(request.pins),
        alternative_count=request.alternative_count,
        keep_predicted=request.keep_predicted,
    )
    result = annotate(request.score, model, options, report)
    _record(result, request, model, profile)
    return result


def profile_of(message: fingering_service_pb2.HandProfile) -> HandProfile:
    """The hand a request describes."""
    base = PROFILES[_SIZES.get(message.size, "M")]
    return HandProfile(base.name, message.max_span_semitones) if message.max_span_semitones else base


def _check(request: fingering_service_pb2.AnnotateRequest) -> None:
    wrong: list[tuple[str, str]] = []
    span = request.hand_profile.max_span_semitones
    if span and not LEAST_SPAN <= span <= GREATEST_SPAN:
        text = f"{LEAST_SPAN} to {GREATEST_SPAN} semitones, or 0 for that of the hand's size; not {span}"
        wrong.append(("hand_profile.max_span_semitones", text))
    if not 0 <= request.alternative_count <= GREATEST_ALTERNATIVE_COUNT:
        text = f"0 to {GREATEST_ALTERNATIVE_COUNT}, not {request.alternative_count}"
        wrong.append(("alternative_count", text))
    if not request.HasField("score"):
        wrong.append(("score", "a Score to finger is needed"))
    if wrong:
        raise EtudeError("INVALID_REQUEST", f"the request is wrong: {wrong[0][0]}: {wrong[0][1]}", violations=wrong)
    violations = validate(request.score)
    if violations:
        raise EtudeError(
            "INVALID_SCORE",
            f"the Score breaks {len(violations)} invariants; the first: {violations[0]}",
            violations=[(v.field, str(v)) for v in violations],
        )


def _record(
    result: fingering_service_pb2.AnnotateResult,
    request: fingering_service_pb2.AnnotateRequest,
    model: FingeringModel,
    profile: HandProfile,
) -> None:
    step = result.score.provenance.steps.add(
        stage="correction" if request.keep_predicted and request.pins else "fingering",
        service="fingering_service",
        service_version=etude_version,
        source_digest=digest(to_bytes(request.score)),
    )
    step.models.append(provenance_pb2.ModelRef(name=model.name, version=model.version, digest=model.digest))
    step.parameters["hand_size"] = profile.name
    step.parameters["max_span_semitones"] = str(profile.max_span)
    step.parameters["pins"] = str(len(request.pins))
    step.parameters["keep_predicted"] = str(request.keep_predicted).lower()
