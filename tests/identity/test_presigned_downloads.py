"""Downloads from the object store itself: only the owner is given the way there, and it leads to the right bytes."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from etude.client.calls import open_client_channel
from etude.job.v1 import artifact_service_pb2, artifact_service_pb2_grpc
from gateway.app import create_app
from gateway.server import http_server
from gateway.settings import GatewaySettings
from orchestrator.blobs.s3 import S3Location
from tests.identity.world import World, bearer, running_world
from tests.orchestrator.conftest import errors, refused
from tests.orchestrator.stage_servers import document


@pytest.fixture
async def world(tmp_path: Path, s3_location: S3Location) -> AsyncIterator[World]:
    settings = {
        "s3_endpoint": s3_location.endpoint,
        "s3_bucket": s3_location.bucket,
        "s3_access_key": s3_location.access_key,
        "s3_secret_key": s3_location.secret_key,
        "s3_presigned_seconds": 60,
        "inline_artifact_bytes": 0,
    }
    async with running_world(tmp_path, **settings) as running:
        yield running


async def test_the_owner_alone_is_sent_to_the_object_store(world: World) -> None:
    stub: Any = artifact_service_pb2_grpc.ArtifactServiceStub(world.channel)
    request = artifact_service_pb2.GetDownloadUrlRequest(artifact_id=world.ids["artifact_id"])
    link = await stub.GetDownloadUrl(request, metadata=bearer(world.owner.access_token), timeout=10)
    assert link.HasField("expire_time")
    for person in (world.colleague, world.stranger):
        with refused("ARTIFACT_NOT_FOUND"), errors():
            await stub.GetDownloadUrl(request, metadata=bearer(person.access_token), timeout=10)
    with refused("UNAUTHENTICATED"), errors():
        await stub.GetDownloadUrl(request, timeout=10)

    settings = GatewaySettings(orchestrator_target=world.handle.address, http_address="127.0.0.1:0")
    path = f"/api/v1/artifacts/{world.ids['artifact_id']}/download?redirect=true"
    async with open_client_channel(world.handle.address) as channel:
        app = create_app(settings, channel, {"orchestrator": channel})
        async with (
            http_server(app, settings.http_address) as address,
            httpx.AsyncClient(base_url=f"http://{address}", timeout=20) as http,
        ):
            for token, status in (
                ("", 401),
                (world.colleague.access_token, 404),
                (world.stranger.access_token, 404),
                (world.owner.access_token, 307),
            ):
                headers = {"Authorization": f"Bearer {token}"} if token else {}
                answer = await http.get(path, headers=headers)
                assert (answer.status_code, "location" in answer.headers) == (status, status == 307)
            authorization = {"Authorization": f"Bearer {world.owner.access_token}"}
            followed = await http.get(path, headers=authorization, follow_redirects=True)

    assert followed.history[0].status_code == 307
    assert "authorization" not in followed.request.headers
    assert (followed.status_code, followed.content) == (200, document())
    assert hashlib.sha256(followed.content).hexdigest() == link.artifact.sha256
    assert followed.headers["content-type"] == link.artifact.media_type
    assert followed.headers["content-disposition"].startswith('attachment; filename="piece.pdf"')
    async with httpx.AsyncClient() as http:
        assert (await http.get(link.url)).content == followed.content
