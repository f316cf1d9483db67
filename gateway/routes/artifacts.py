"""Artifacts: description, bytes, lineage."""

from collections.abc import AsyncIterator
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Header, Path, Query, Request, Response, status
from fastapi.responses import StreamingResponse

from etude.client.json_form import to_json
from etude.mesh.errors import EtudeError
from gateway import models
from gateway.dependencies import BEARER, Client, Settings
from gateway.errors import error_response
from gateway.ranges import matches, parse_range, range_allowed

router = APIRouter(prefix="/api/v1/artifacts", tags=["artifacts"], dependencies=[BEARER])

ArtifactId = Annotated[str, Path(description="The artifact.", min_length=1, max_length=200)]

_SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; sandbox"
"""An SVG or a review opened by itself is a document of this origin: it may look as it likes and do nothing."""
_DOCUMENTS = frozenset({"image/svg+xml", "text/html"})


@router.get("/{artifact_id}", summary="One artifact")
async def get_artifact(client: Client, artifact_id: ArtifactId) -> models.Artifact:
    """The description of an artifact."""
    return models.Artifact.model_validate(to_json(await client.get_artifact(artifact_id)))


@router.head("/{artifact_id}/download", include_in_schema=False)
@router.get(
    "/{artifact_id}/download",
    summary="The bytes of an artifact",
    response_class=StreamingResponse,
    responses={
        200: {"description": "All of it.", "content": {"application/octet-stream": {}}},
        206: {"description": "The range asked for.", "content": {"application/octet-stream": {}}},
        304: {"description": "What the client has is what it would get."},
        416: {"description": "No byte of the range exists.", "model": models.ErrorEnvelope},
    },
)
async def download_artifact(
    request: Request,
    client: Client,
    settings: Settings,
    artifact_id: ArtifactId,
    disposition: Annotated[Literal["attachment", "inline"], Query(description="To save, or to show.")] = "attachment",
    range_header: Annotated[str | None, Header(alias="Range")] = None,
    if_range: Annotated[str | None, Header()] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """The bytes as they were stored; `ETag` is their SHA-256, and `Range` asks for a part of them."""
    artifact = await client.get_artifact(artifact_id)
    etag = f'"{artifact.sha256}"'
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        # Artifacts never change; private, because they belong to somebody.
        "Cache-Control": "private, max-age=31536000, immutable",
        "Content-Disposition": content_disposition(disposition, artifact.filename),
    }
    if artifact.media_type in _DOCUMENTS:
        headers["Content-Security-Policy"] = _SANDBOX
    if matches(if_none_match, etag):
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=headers)
    try:
        part = parse_range(range_header, artifact.size_bytes) if range_allowed(if_range, etag) else None
    except EtudeError as error:
        return error_response(error, {"Content-Range": f"bytes */{artifact.size_bytes}", "Accept-Ranges": "bytes"})
    if part is not None:
        headers["Content-Range"] = part.content_range
    headers["Content-Length"] = str(artifact.size_bytes if part is None else part.length)
    code = status.HTTP_200_OK if part is None else status.HTTP_206_PARTIAL_CONTENT
    if request.method == "HEAD" or artifact.size_bytes == 0:
        return Response(status_code=code, headers=headers, media_type=artifact.media_type)
    chunks = client.read(
        artifact_id,
        offset=0 if part is None else part.first,
        length=0 if part is None else part.length,
        timeout_s=settings.upload_timeout_s,
    )
    # The first chunk is asked for before anything is sent, so that a store that fails still gets its own status.
    first = await anext(chunks, b"")

    async def body() -> AsyncIterator[bytes]:
        try:
            yield first
            async for chunk in chunks:
                yield chunk
        finally:
            await chunks.aclose()

    return StreamingResponse(body(), status_code=code, headers=headers, media_type=artifact.media_type)


@router.get("/{artifact_id}/lineage", summary="Where an artifact comes from")
async def get_lineage(client: Client, artifact_id: ArtifactId) -> models.Lineage:
    """All artifacts it was derived from or that were derived from it, and how."""
    return models.Lineage.model_validate(to_json(await client.lineage(artifact_id)))


def content_disposition(disposition: str, filename: str) -> str:
    """A Content-Disposition header with a name for old clients and one in UTF-8 (RFC 6266).

    >>> content_disposition("attachment", "Étude.mid")
    'attachment; filename="_tude.mid"; filename*=UTF-8\\'\\'%C3%89tude.mid'
    """
    plain = "".join(char if char.isascii() and char.isprintable() and char not in '"\\;' else "_" for char in filename)
    return f"{disposition}; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
