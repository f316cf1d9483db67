"""Jobs: create, look, watch, cancel, retry, correct, delete."""

import uuid
from typing import Annotated

from fastapi import File, Form, Header, Path, Query, Request, Response, UploadFile, status
from fastapi.responses import StreamingResponse

from etude.client import RESTING_STATES
from etude.client.json_form import to_json
from etude.client.names import short_name
from etude.client.options import job_options
from etude.job.v1 import artifact_service_pb2, job_pb2
from etude.mesh.errors import EtudeError
from etude.score.v1 import fingering_pb2
from etude.stage.v1 import fingering_service_pb2
from gateway import models
from gateway.answers import answer
from gateway.callers import client_of, settings_of
from gateway.errors import too_large
from gateway.events import event_stream
from gateway.routing import api_router

router = api_router("jobs", "/api/v1/jobs")

JobId = Annotated[str, Path(description="The job.", min_length=1, max_length=200)]
IdempotencyKey = Annotated[
    str,
    Header(description="Any text of your own; a second request with it changes nothing and has the same answer."),
]

_KEY_NAMESPACE = uuid.UUID("5b0a3b0e-6f0c-4a86-9a34-1d1f6c1f2c11")


def request_id_from(key: str) -> str:
    """The request id of the contract, a UUID, from an Idempotency-Key, which may be any text; empty for none."""
    if not key:
        return ""
    try:
        return str(uuid.UUID(key))
    except ValueError:
        return str(uuid.uuid5(_KEY_NAMESPACE, key))


@router.post("", response_model=models.Job, status_code=status.HTTP_201_CREATED, summary="Send a document")
async def create_job(
    request: Request,
    file: Annotated[UploadFile, File(description="PDF, picture (PNG, JPEG, TIFF), MusicXML or MIDI file")],
    reader: Annotated[str, Form(description="auto, engraved or scan")] = "",
    uncertainty_policy: Annotated[str, Form(description="keep_alternatives or best_only")] = "",
    hand_size: Annotated[str, Form(description="S, M or L")] = "",
    max_span_semitones: Annotated[int, Form(description="10 to 20; 0 for that of hand_size")] = 0,
    density: Annotated[str, Form(description="all or essential")] = "",
    formats: Annotated[
        list[str] | None,
        Form(description="musicxml, midi, svg, pdf, annotated_pdf, review: repeated or with commas; all when left out"),
    ] = None,
    fingering_model: Annotated[str, Form(description="Name of the fingering model")] = "",
    pages: Annotated[str, Form(description="Pages to read: 3, 2-5, 4- or -6")] = "",
    pins_from_job_id: Annotated[
        str, Form(description="An earlier job on the same music, whose pinned fingers are to hold again")
    ] = "",
    idempotency_key: IdempotencyKey = "",
) -> Response:
    """Stores the document and starts a job on it; answers as soon as the document is stored."""
    if file.size is not None and file.size > settings_of(request).max_upload_bytes:
        raise too_large(settings_of(request).max_upload_bytes)
    options = job_options(
        filename=file.filename or "document",
        reader=reader,
        uncertainty_policy=uncertainty_policy,
        hand_size=hand_size,
        max_span_semitones=max_span_semitones,
        density=density,
        formats=[name for item in formats or () for name in item.split(",") if name.strip()],
        fingering_model=fingering_model,
        pages=pages,
        pins_from_job_id=pins_from_job_id,
    )
    job = await client_of(request).create_job(
        file.file, options, request_id=request_id_from(idempotency_key), timeout_s=settings_of(request).upload_timeout_s
    )
    return answer(job, status.HTTP_201_CREATED, {"Location": f"/api/v1/jobs/{job.job_id}"})


@router.get("", response_model=models.JobList, summary="List jobs")
async def list_jobs(
    request: Request,
    state: Annotated[list[models.JobState] | None, Query(description="Only jobs in one of these states.")] = None,
    stage: Annotated[models.Stage | None, Query(description="Only jobs whose state is one of this stage's.")] = None,
    page_size: Annotated[int, Query(ge=0, le=1000, description="Most jobs in the answer; 0 for 50.")] = 0,
    page_token: Annotated[str, Query(description="`next_page_token` of the previous answer.")] = "",
) -> Response:
    """Jobs, newest first."""
    wanted = [name for name in state or models.JobState if stage is None or name.startswith(f"{stage.upper()}_")]
    states = [job_pb2.JobState.Value(f"JOB_STATE_{name}") for name in wanted if state or stage]
    if not wanted:
        # No job is in this state. It is still the orchestrator that says so: it looks at who asks.
        states = [job_pb2.JOB_STATE_UNSPECIFIED]
    page = await client_of(request).list_jobs_page(states=states, page_size=page_size, page_token=page_token)
    return answer(page)


@router.get("/{job_id}", response_model=models.Job, summary="One job")
async def get_job(request: Request, job_id: JobId) -> Response:
    """The job as it is now."""
    return answer(await client_of(request).get_job(job_id))


@router.get("/{job_id}/results", summary="What a job made")
async def get_results(request: Request, job_id: JobId) -> models.JobResults:
    """The files of a completed job, the latest revision of each, and where to download them; 409 before that."""
    client = client_of(request)
    job = await client.get_job(job_id)
    if job.state != job_pb2.JOB_STATE_COMPLETED:
        state = short_name(job_pb2.JobState, job.state)
        raise EtudeError(
            "INVALID_STATE", f"The job is in {state}; it has results when it is COMPLETED.", metadata={"state": state}
        )
    files = [
        models.ResultFile.model_validate(
            {name: value for name, value in to_json(artifact).items() if name in models.ResultFile.model_fields}
            | {"download_url": f"/api/v1/artifacts/{artifact.artifact_id}/download"}
        )
        async for artifact in client.artifacts(job_id)
    ]
    found = to_json(job)
    return models.JobResults(job_id=job_id, state=found["state"], summary=found["summary"], files=files)


@router.delete("/{job_id}", status_code=status.HTTP_204_NO_CONTENT, summary="Delete a job")
async def delete_job(request: Request, job_id: JobId) -> None:
    """Deletes a job that is at rest, with its artifacts and events."""
    await client_of(request).delete(job_id)


@router.post("/{job_id}/cancel", response_model=models.Job, summary="Cancel a job")
async def cancel_job(
    request: Request,
    job_id: JobId,
    reason: Annotated[str, Query(max_length=500, description="Why, for the audit trail.")] = "",
) -> Response:
    """Cancels a job that is not finished."""
    return answer(await client_of(request).cancel(job_id, reason))


@router.post("/{job_id}/retry", response_model=models.Job, summary="Retry a job")
async def retry_job(request: Request, job_id: JobId, idempotency_key: IdempotencyKey = "") -> Response:
    """Starts a job in OMR_FAILED or FINGERING_FAILED again, from the failed stage on."""
    job = await client_of(request).retry(job_id, request_id=request_id_from(idempotency_key))
    return answer(job)


@router.post("/{job_id}/fingering", response_model=models.FingeringUpdated, summary="Pin fingers")
async def update_fingering(
    request: Request,
    job_id: JobId,
    update: models.FingeringUpdate,
    idempotency_key: IdempotencyKey = "",
) -> Response:
    """Pins fingers of a completed job: the rest is fingered anew around them, into new artifacts with lineage."""
    pins = [
        fingering_service_pb2.PinnedFingering(
            note_id=pin.note_id,
            finger=pin.finger,
            substitution=pin.substitution,
            hand=fingering_pb2.Hand.Value(f"HAND_{pin.hand}") if pin.hand else fingering_pb2.HAND_UNSPECIFIED,
        )
        for pin in update.pins
    ]
    updated = await client_of(request).update_fingering(
        job_id,
        pins,
        unpin_note_ids=update.unpin_note_ids,
        score_index=update.score_index,
        request_id=request_id_from(idempotency_key),
        timeout_s=settings_of(request).upload_timeout_s,
    )
    return answer(updated)


@router.get(
    "/{job_id}/events",
    summary="Watch a job",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events `state_changed`, `progress`, `artifact_created` and `remark`, each with "
            "a JobEvent; then `end` with the Job when it is at rest, or `failure` with an ErrorEnvelope.",
            "content": {"text/event-stream": {}},
        },
        204: {"description": "The job is at rest and all its events have been seen."},
    },
)
async def watch_job(
    request: Request,
    job_id: JobId,
    last_event_id: Annotated[str, Header(description="Events after this one are sent; browsers set it.")] = "",
    after_sequence: Annotated[int, Query(ge=0, description="The same, for clients without that header.")] = 0,
) -> Response:
    """Events of a job as they come, until it is at rest; comments in between keep proxies from closing the stream."""
    client = client_of(request)
    cursor = _cursor(last_event_id) if last_event_id else after_sequence
    job = await client.get_job(job_id)
    if last_event_id and job.state in RESTING_STATES and cursor >= job.last_sequence:
        return Response(status_code=status.HTTP_204_NO_CONTENT)
    return StreamingResponse(
        event_stream(client, job_id, cursor, settings_of(request).heartbeat_s, request.app.state.closing),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )


def _cursor(last_event_id: str) -> int:
    if not last_event_id.isdecimal():
        raise EtudeError(
            "INVALID_REQUEST",
            "Last-Event-ID must be the id of an event of this job, a number.",
            violations=[("Last-Event-ID", "must be a number")],
        )
    return int(last_event_id)


@router.get("/{job_id}/artifacts", response_model=models.ArtifactList, summary="A job's artifacts")
async def list_artifacts(
    request: Request,
    job_id: JobId,
    kind: Annotated[list[models.ArtifactKind] | None, Query(description="Only these kinds.")] = None,
    latest_only: Annotated[bool, Query(description="Leave out what a later correction replaced.")] = True,
    page_size: Annotated[int, Query(ge=0, le=1000, description="Most artifacts in the answer; 0 for 100.")] = 0,
    page_token: Annotated[str, Query(description="`next_page_token` of the previous answer.")] = "",
) -> Response:
    """Artifacts of a job, oldest first."""
    page = await client_of(request).artifacts_page(
        job_id,
        kinds=[artifact_service_pb2.ArtifactKind.Value(f"ARTIFACT_KIND_{name}") for name in kind or ()],
        latest_only=latest_only,
        page_size=page_size,
        page_token=page_token,
    )
    return answer(page)
