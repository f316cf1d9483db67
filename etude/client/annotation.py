"""What annotating a file gives back."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from etude.job.v1 import artifact_service_pb2, job_pb2


@dataclass(frozen=True, slots=True)
class AnnotationResult:
    """A finished job, what it made, and the files written, if any were asked for."""

    job: job_pb2.Job
    artifacts: Sequence[artifact_service_pb2.Artifact]
    files: Sequence[Path]
