"""The JSON of the HTTP face: the contract's messages with snake_case fields and enum values without prefixes.

`etude.client.json_form.to_json` makes these shapes; here they have types and descriptions, for OpenAPI and for
generators of clients. A test holds both to the contract.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

MOST_INT32 = 2**31 - 1
"""The contract's int32 takes no more."""


class JobState(StrEnum):
    """COMPLETED, FAILED and CANCELLED are never left; OMR_FAILED and FINGERING_FAILED can be retried."""

    PENDING = "PENDING"
    OMR_PROCESSING = "OMR_PROCESSING"
    OMR_COMPLETED = "OMR_COMPLETED"
    OMR_FAILED = "OMR_FAILED"
    FINGERING_PROCESSING = "FINGERING_PROCESSING"
    FINGERING_COMPLETED = "FINGERING_COMPLETED"
    FINGERING_FAILED = "FINGERING_FAILED"
    RENDERING_PROCESSING = "RENDERING_PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class Stage(StrEnum):
    """What works on a job."""

    OMR = "omr"
    FINGERING = "fingering"
    RENDERING = "rendering"


class JobEventKind(StrEnum):
    """What an event tells."""

    STATE_CHANGED = "STATE_CHANGED"
    PROGRESS = "PROGRESS"
    ARTIFACT_CREATED = "ARTIFACT_CREATED"
    REMARK = "REMARK"


class ArtifactKind(StrEnum):
    """What an artifact is."""

    SOURCE = "SOURCE"
    IR_V1 = "IR_V1"
    IR_V2 = "IR_V2"
    MUSICXML = "MUSICXML"
    MIDI = "MIDI"
    SVG = "SVG"
    SCORE_PDF = "SCORE_PDF"
    ANNOTATED_PDF = "ANNOTATED_PDF"
    REVIEW = "REVIEW"


class OutputFormat(StrEnum):
    """What can be written."""

    MUSICXML = "MUSICXML"
    MIDI = "MIDI"
    SVG = "SVG"
    PDF = "PDF"
    ANNOTATED_PDF = "ANNOTATED_PDF"
    REVIEW = "REVIEW"


class ReaderMode(StrEnum):
    """Which reader reads the pages."""

    AUTO = "AUTO"
    ENGRAVED = "ENGRAVED"
    SCAN = "SCAN"


class UncertaintyPolicy(StrEnum):
    """What is done with doubtful readings."""

    KEEP_ALTERNATIVES = "KEEP_ALTERNATIVES"
    BEST_ONLY = "BEST_ONLY"


class HandSize(StrEnum):
    """Size of the player's hand."""

    SMALL = "SMALL"
    MEDIUM = "MEDIUM"
    LARGE = "LARGE"


class FingeringDensity(StrEnum):
    """How many of the fingers renderings show."""

    ALL = "ALL"
    ESSENTIAL = "ESSENTIAL"


class Hand(StrEnum):
    """Which hand plays a note."""

    RIGHT = "RIGHT"
    LEFT = "LEFT"


class Model(BaseModel):
    """Base of the response models."""

    model_config = ConfigDict(extra="forbid")


class ErrorBody(Model):
    """Why a request or a job failed."""

    code: str = Field(description="Name of the gRPC status code.", examples=["NOT_FOUND"])
    reason: str = Field(
        description="Name of etude.stage.v1.ErrorReason without its prefix.", examples=["JOB_NOT_FOUND"]
    )
    message: str = Field(description="What is wrong and what to do, for a person.")
    details: dict[str, Any] = Field(description="Further facts by name; `violations` names the fields that are wrong.")


class RequestErrorBody(ErrorBody):
    """Why a request failed."""

    trace_id: str | None = Field(description="Finds the request in the traces and logs.")


class ErrorEnvelope(Model):
    """The body of every answer that is an error."""

    error: RequestErrorBody


class HandProfile(Model):
    """The player's hand."""

    size: HandSize | None
    max_span_semitones: int = Field(description="Widest span in semitones; 0 for that of `size`.")


class JobOptions(Model):
    """What a job is asked to do; null and empty stand for the server's defaults."""

    filename: str
    reader: ReaderMode | None
    uncertainty_policy: UncertaintyPolicy | None
    hand_profile: HandProfile | None
    density: FingeringDensity | None
    formats: list[OutputFormat] = Field(description="Formats wanted; empty for all.")
    fingering_model: str
    first_page: int = Field(description="First page to read, from 1; 0 for the first.")
    last_page: int = Field(description="Last page to read; 0 for the last.")
    pins_from_job_id: str = Field(description="Earlier job whose pinned fingers hold again; empty for none.")


class JobSource(Model):
    """The file a job works on."""

    filename: str
    media_type: str = Field(description="Told from the content.")
    size_bytes: int
    sha256: str


class Progress(Model):
    """How far a stage is."""

    stage: str = Field(examples=["omr"])
    page: int = Field(description="Page being worked on, from 1; 0 where pages mean nothing.")
    page_count: int
    fraction: float = Field(description="Part of the stage that is done, 0 to 1.")
    message: str


class JobSummary(Model):
    """What was read and what was doubtful, in numbers."""

    page_count: int
    pages_read: int
    pages_failed: int
    score_count: int
    measure_count: int
    note_count: int
    fingered_note_count: int
    doubt_count: int
    doubtful_measure_count: int
    remarks: list[str]


class Job(Model):
    """A job."""

    job_id: str
    tenant_id: str
    user_id: str
    state: JobState
    options: JobOptions | None
    source: JobSource | None
    progress: Progress | None
    error: ErrorBody | None = Field(description="Why it failed; null in all other states.")
    summary: JobSummary | None
    epoch: int
    attempt: int
    last_sequence: int = Field(description="Sequence number of its latest event.")
    create_time: datetime | None
    update_time: datetime | None
    complete_time: datetime | None


class JobList(Model):
    """A page of jobs, newest first."""

    jobs: list[Job]
    next_page_token: str = Field(description="Token of the next page; empty when there is none.")


class JobEvent(Model):
    """An entry of a job's audit trail; the data of a server-sent event."""

    job_id: str
    sequence: int
    time: datetime | None
    kind: JobEventKind
    from_state: JobState | None
    state: JobState
    actor: str
    reason: str
    progress: Progress | None
    artifact_id: str
    epoch: int


class ModelRef(Model):
    """A model that took part."""

    name: str
    version: str
    digest: str


class Artifact(Model):
    """Something a job made. Never changes."""

    artifact_id: str
    job_id: str
    tenant_id: str
    kind: ArtifactKind
    score_index: int = Field(description="Index of the piece or movement, from 0; -1 when it belongs to all of them.")
    page_number: int = Field(description="Page, from 1, for kinds of one artifact per page; 0 otherwise.")
    revision: int = Field(description="From 1; corrections make new ones.")
    filename: str
    media_type: str
    size_bytes: int
    sha256: str
    schema_version: str
    producer_version: str
    models: list[ModelRef]
    parameters: dict[str, str]
    uncertainty_policy: UncertaintyPolicy | None
    create_time: datetime | None


class ArtifactList(Model):
    """A page of artifacts, oldest first."""

    artifacts: list[Artifact]
    next_page_token: str


class LineageEdge(Model):
    """A derivation of one artifact from another."""

    source_artifact_id: str
    derived_artifact_id: str
    transformation: str
    transformation_version: str
    create_time: datetime | None


class Lineage(Model):
    """All artifacts one was derived from or that were derived from it, itself included, and how."""

    artifacts: list[Artifact]
    edges: list[LineageEdge]


class ModelInfo(Model):
    """What a stage says about a model."""

    model: ModelRef | None
    stage: str
    description: str
    licence: str
    is_default: bool
    size_bytes: int


class RegisteredModel(Model):
    """A model seen by the mesh."""

    info: ModelInfo | None
    service: str
    create_time: datetime | None


class ModelList(Model):
    """A page of models."""

    models: list[RegisteredModel]
    next_page_token: str


class Pin(Model):
    """A finger set by a user."""

    note_id: str = Field(min_length=1)
    finger: int = Field(ge=1, le=5)
    substitution: int = Field(default=0, ge=0, le=5, description="Finger that takes the key over; 0 for none.")
    hand: Hand | None = Field(default=None, description="Null to leave the note to its hand.")


class FingeringUpdate(Model):
    """Fingers to pin and to take back."""

    pins: list[Pin] = Field(default_factory=list, description="Added to those pinned before.")
    unpin_note_ids: list[str] = Field(default_factory=list, description="Notes whose pins are taken back.")
    score_index: int = Field(default=0, ge=0, le=MOST_INT32, description="Index of the piece or movement, from 0.")


class FingeringUpdated(Model):
    """What a change of fingers made."""

    job: Job | None
    artifact_id: str = Field(description="The new ir_v2.")
    changed_note_ids: list[str]


class ResultFile(Model):
    """A file a job made."""

    artifact_id: str
    kind: ArtifactKind
    score_index: int = Field(description="Index of the piece or movement, from 0; -1 when it belongs to all of them.")
    page_number: int = Field(description="Page, from 1, for kinds of one artifact per page; 0 otherwise.")
    filename: str
    media_type: str
    size_bytes: int
    sha256: str
    download_url: str = Field(description="Where its bytes are, on this server.")


class JobResults(Model):
    """What a completed job made: the latest revision of everything, with what was read in numbers."""

    job_id: str
    state: JobState
    summary: JobSummary | None
    files: list[ResultFile]


class ComponentStatus(StrEnum):
    """Whether something works."""

    SERVING = "SERVING"
    NOT_SERVING = "NOT_SERVING"


class ComponentHealth(Model):
    """How one thing is doing."""

    name: str = Field(examples=["database"])
    status: ComponentStatus
    latency: float = Field(description="Seconds until it answered.")


class SystemHealth(Model):
    """How the database, the object store and each stage are doing."""

    healthy: bool
    components: list[ComponentHealth]


class Health(Model):
    """The gateway lives."""

    status: str = Field(examples=["ok"])
    version: str


class Readiness(Model):
    """Whether the gateway can do its work, and what each of its dependencies says."""

    ready: bool
    dependencies: dict[str, str] = Field(examples=[{"orchestrator": "SERVING"}])
