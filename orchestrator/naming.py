"""Names and media types of what a job makes."""

from __future__ import annotations

from etude.job.v1.artifact_service_pb2 import ArtifactKind
from etude.stage.v1.renderer_service_pb2 import OutputFormat

#: Longest file name kept, in characters.
_LONGEST = 200

KIND_OF_FORMAT = {
    OutputFormat.OUTPUT_FORMAT_MUSICXML: ArtifactKind.ARTIFACT_KIND_MUSICXML,
    OutputFormat.OUTPUT_FORMAT_MIDI: ArtifactKind.ARTIFACT_KIND_MIDI,
    OutputFormat.OUTPUT_FORMAT_SVG: ArtifactKind.ARTIFACT_KIND_SVG,
    OutputFormat.OUTPUT_FORMAT_PDF: ArtifactKind.ARTIFACT_KIND_SCORE_PDF,
    OutputFormat.OUTPUT_FORMAT_ANNOTATED_PDF: ArtifactKind.ARTIFACT_KIND_ANNOTATED_PDF,
    OutputFormat.OUTPUT_FORMAT_REVIEW: ArtifactKind.ARTIFACT_KIND_REVIEW,
}

EXTENSIONS = {
    ArtifactKind.ARTIFACT_KIND_SOURCE: "source",
    ArtifactKind.ARTIFACT_KIND_IR_V1: "ir_v1.json",
    ArtifactKind.ARTIFACT_KIND_IR_V2: "ir_v2.json",
    ArtifactKind.ARTIFACT_KIND_MUSICXML: "musicxml",
    ArtifactKind.ARTIFACT_KIND_MIDI: "mid",
    ArtifactKind.ARTIFACT_KIND_SVG: "svg",
    ArtifactKind.ARTIFACT_KIND_SCORE_PDF: "pdf",
    ArtifactKind.ARTIFACT_KIND_ANNOTATED_PDF: "annotated.pdf",
    ArtifactKind.ARTIFACT_KIND_REVIEW: "review.html",
}

SCORE_MEDIA_TYPE = "application/vnd.etude.score+json"


def safe_filename(name: str) -> str:
    """The last part of a user's file name, without control characters and at most 200 characters long.

    May be empty.
    """
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    base = "".join(character for character in base if character.isprintable()).strip()
    if base in {".", ".."}:
        return ""
    stem, dot, extension = base.rpartition(".")
    if len(base) <= _LONGEST or not dot:
        return base[:_LONGEST]
    return stem[: _LONGEST - len(extension) - 1] + dot + extension[: _LONGEST // 4]


def stem_of(filename: str) -> str:
    """The name of a file without its extension; "score" when nothing is left."""
    stem, dot, _ = filename.rpartition(".")
    return (stem if dot else filename) or "score"


def artifact_filename(
    stem: str, kind: ArtifactKind.ValueType, *, score_index: int, score_count: int, page_number: int, page_count: int
) -> str:
    """The suggested name of an artifact: `<stem>[.<score>][.page<page>].<extension>`, numbers if there are several."""
    parts = [stem]
    if score_index >= 0 and score_count > 1:
        parts.append(str(score_index + 1))
    if page_number > 0 and page_count > 1:
        parts.append(f"page{page_number}")
    return ".".join([*parts, EXTENSIONS[kind]])


def blob_key(job_id: str, artifact_id: str, kind: ArtifactKind.ValueType) -> str:
    """Where the bytes of an artifact lie."""
    extension = EXTENSIONS[kind].rsplit(".", 1)[-1]
    return f"jobs/{job_id}/artifacts/{artifact_id}.{extension}"
