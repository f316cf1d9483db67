"""Artifacts: description, bytes, lineage."""

from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import Header, Path, Query, Request, Response, status
from fastapi.responses import StreamingResponse

from etude.client import AsyncEtudeClient
from etude.content_disposition import content_disposition
from etude.job.v1 import artifact_service_pb2
from etude.mesh.errors import EtudeError
from gateway import models
from gateway.answers import answer
from gateway.callers import client_of, settings_of
from gateway.errors import error_response
from gateway.ranges import ByteRange, matches, parse_range, range_allowed
from gateway.routing import api_router

router = api_router("artifacts", "/api/v1/artifacts")

ArtifactId = Annotated[str, Path(description="The artifact.", min_length=1, max_length=200)]

#: Whoever asks over HTTP has a time limit of their own and can ask for the rest.
_RESUME_S = 2.0
_SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; sandbox"
"""An SVG or a review opened by itself is a document of this origin: it may look as it likes and do nothing."""
_DOCUMENTS = frozenset({"image/svg+xml", "text/html"})


@router.get("/{artifact_id}", response_model=models.Artifact, summary="One artifact")
async def get_artifact(request: Request, artifact_id: ArtifactId) -> Response:
    """The description of an artifact."""
    client = client_of(request)
    return answer(await client.get_artifact(artifact_id))


@router.head("/{artifact_id}/download", include_in_schema=False)
@router.get(
    "/{artifact_id}/download",
    summary="The bytes of an artifact",
    response_class=StreamingResponse,
    responses={
        200: {"description": "All of it.", "content": {"application/octet-stream": {}}},
        206: {"description": "The range asked for.", "content": {"application/octet-stream": {}}},
        304: {"description": "What the client has is what it would get."},
        307: {
            "description": "With `redirect=true`, where the object store gives downloads out itself: `Location` is a "
            "URL that answers for a short time, to whoever has it."
        },
        416: {"description": "No byte of the range exists.", "model": models.ErrorEnvelope},
    },
)
async def download_artifact(
    request: Request,
    artifact_id: ArtifactId,
    disposition: Annotated[Literal["attachment", "inline"], Query(description="To save, or to show.")] = "attachment",
    redirect: Annotated[
        bool,
        Query(
            description="To be sent to the object store for the bytes, where it gives them out and they are to be "
            "saved. Follow without the Authorization header, and check the SHA-256."
        ),
    ] = False,
    range_header: Annotated[str | None, Header(alias="Range")] = None,
    if_range: Annotated[str | None, Header()] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """The bytes as they were stored; `ETag` is their SHA-256, and `Range` asks for a part of them."""
    client = client_of(request)
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
    # The URL is signed for GET; and a document that is shown needs the policy that only this origin sends with it.
    if redirect and request.method == "GET" and disposition == "attachment":
        link = await client.download_url(artifact_id)
        if link.url:
            return Response(
                status_code=status.HTTP_307_TEMPORARY_REDIRECT,
                headers={
                    "Location": link.url,
                    "ETag": etag,
                    "Cache-Control": "no-store",
                    "Referrer-Policy": "no-referrer",
                },
            )
    return await _bytes(request.method, client, artifact, part, headers, settings_of(request).upload_timeout_s)


async def _bytes(
    method: str,
    client: AsyncEtudeClient,
    artifact: artifact_service_pb2.Artifact,
    part: ByteRange | None,
    headers: dict[str, str],
    timeout_s: float,
) -> Response:
    """The bytes of an artifact, or a part of them, as they come from the store; to HEAD, what goes before them."""
    if part is not None:
        headers["Content-Range"] = part.content_range
    headers["Content-Length"] = str(artifact.size_bytes if part is None else part.length)
    code = status.HTTP_200_OK if part is None else status.HTTP_206_PARTIAL_CONTENT
    if method == "HEAD" or artifact.size_bytes == 0:
        return Response(status_code=code, headers=headers, media_type=artifact.media_type)
    chunks = client.read(
        artifact.artifact_id,
        offset=0 if part is None else part.first,
        length=0 if part is None else part.length,
        timeout_s=timeout_s,
        resume_s=_RESUME_S,
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


@router.get("/{artifact_id}/lineage", response_model=models.Lineage, summary="Where an artifact comes from")
async def get_lineage(request: Request, artifact_id: ArtifactId) -> Response:
    """All artifacts it was derived from or that were derived from it, and how."""
    return answer(await client_of(request).lineage(artifact_id))
