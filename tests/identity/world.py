"""A mesh where everybody has to log in, with people in it: an owner, a colleague of the same tenant, a stranger."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc.aio
import jwt

from etude.identity.v1 import auth_service_pb2, auth_service_pb2_grpc
from etude.job.v1 import artifact_service_pb2, artifact_service_pb2_grpc, job_pb2, job_service_pb2, job_service_pb2_grpc
from etude.mesh.server import ServerHandle, running_server
from orchestrator.definition import DEFINITION
from tests.orchestrator.conftest import settings_for
from tests.orchestrator.stage_servers import Journal, document, running_stages

SECRET = "a secret of the tests, of enough characters to be one even for a longer hash"
PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class Person:
    """A registered user and their tokens."""

    email: str
    user_id: str
    tenant_id: str
    access_token: str
    refresh_token: str


@dataclass(frozen=True)
class World:
    """The mesh, the people, and what the owner has.

    Attributes:
        ids: What the owner has, by the name of the field that names it in requests.
        secrets: Texts that nobody but the owner may be shown.
    """

    handle: ServerHandle
    channel: grpc.aio.Channel
    owner: Person
    colleague: Person
    stranger: Person
    ids: dict[str, str]
    api_key: str

    @property
    def secrets(self) -> list[str]:
        owner = [self.owner.email, self.owner.user_id, self.owner.tenant_id]
        return [*owner, *self.ids.values(), self.api_key]

    async def log_in(self, person: Person) -> str:
        """An access token of a session of its own."""
        stub: Any = auth_service_pb2_grpc.AuthServiceStub(self.channel)
        answer = await stub.Login(auth_service_pb2.LoginRequest(email=person.email, password=PASSWORD), timeout=60)
        return answer.tokens.access_token


def bearer(token: str) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {token}")]


async def register(channel: grpc.aio.Channel, email: str, invitation_token: str = "") -> Person:
    stub: Any = auth_service_pb2_grpc.AuthServiceStub(channel)
    answer = await stub.Register(
        auth_service_pb2.RegisterRequest(email=email, password=PASSWORD, invitation_token=invitation_token), timeout=60
    )
    return Person(
        email,
        answer.user.user_id,
        answer.tenant.tenant_id,
        answer.tokens.access_token,
        answer.tokens.refresh_token,
    )


async def _a_job(channel: grpc.aio.Channel, metadata: list[tuple[str, str]]) -> dict[str, str]:
    """Ids of a completed job and its first artifact."""
    jobs: Any = job_service_pb2_grpc.JobServiceStub(channel)
    head = job_service_pb2.CreateJobOptions(options=job_pb2.JobOptions(filename="piece.pdf"))
    requests = [
        job_service_pb2.CreateJobRequest(create=head),
        job_service_pb2.CreateJobRequest(chunk=document()),
    ]
    job_id = (await jobs.CreateJob(iter(requests), metadata=metadata, timeout=60)).job.job_id
    async for _ in jobs.WatchJob(job_service_pb2.WatchJobRequest(job_id=job_id), metadata=metadata, timeout=60):
        pass
    artifacts: Any = artifact_service_pb2_grpc.ArtifactServiceStub(channel)
    listed = await artifacts.ListArtifacts(
        artifact_service_pb2.ListArtifactsRequest(job_id=job_id), metadata=metadata, timeout=60
    )
    return {"job_id": job_id, "artifact_id": listed.artifacts[0].artifact_id}


@contextlib.asynccontextmanager
async def running_world(directory: Path, **overrides: Any) -> AsyncIterator[World]:
    async with contextlib.AsyncExitStack() as stack:
        stages = await stack.enter_async_context(running_stages(Journal(directory / "journal")))
        settings = settings_for(directory / "data", stages, auth_secret=SECRET, **overrides)
        handle = await stack.enter_async_context(running_server(DEFINITION, settings))
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(handle.address))
        auth: Any = auth_service_pb2_grpc.AuthServiceStub(channel)
        owner = await register(channel, "Owner@Example.org")
        invited = await auth.CreateInvitation(
            auth_service_pb2.CreateInvitationRequest(), metadata=bearer(owner.access_token), timeout=60
        )
        colleague, stranger = await asyncio.gather(
            register(channel, "colleague@example.org", invited.invitation_token),
            register(channel, "stranger@example.net"),
        )
        key = await auth.CreateApiKey(
            auth_service_pb2.CreateApiKeyRequest(display_name="nightly"),
            metadata=bearer(owner.access_token),
            timeout=60,
        )
        ids = {**await _a_job(channel, bearer(owner.access_token)), "api_key_id": key.api_key.api_key_id}
        yield World(handle, channel, owner, colleague, stranger, ids, key.secret)


def _signature(text: str, secret: bytes) -> str:
    made = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


async def bad_credentials(world: World) -> dict[str, str]:
    """Values of `authorization` that must open nothing, by what is wrong with them."""
    good = jwt.decode(world.owner.access_token, options={"verify_signature": False})
    now = int(time.time())

    def signed(secret: str = SECRET, algorithm: str = "HS256", typ: str | None = "at+jwt", **claims: Any) -> str:
        body = {name: value for name, value in {**good, **claims}.items() if value is not None}
        return "Bearer " + jwt.encode(body, secret, algorithm, headers={"typ": typ})

    head, body, signature = world.owner.access_token.split(".")
    logged_out = await world.log_in(world.owner)
    auth: Any = auth_service_pb2_grpc.AuthServiceStub(world.channel)
    await auth.Logout(auth_service_pb2.LogoutRequest(), metadata=bearer(logged_out), timeout=60)
    other_body = world.stranger.access_token.split(".")[1]
    return {
        "nobody": "",
        "no scheme": world.owner.access_token,
        "another scheme": "Basic b3duZXI6b3duZXI=",
        "an empty token": "Bearer ",
        "no token at all": "Bearer nonsense",
        "expired": signed(exp=now - 60, iat=now - 960),
        "forged": signed(secret="some other secret, of enough characters to be one"),
        "alg none": "Bearer " + jwt.encode(good, None, "none", headers={"typ": "at+jwt"}),
        "alg none with a signature": f"Bearer {jwt.encode(good, None, 'none')}{signature}",
        "another algorithm": signed(algorithm="HS512"),
        "an empty secret": f"Bearer {head}.{body}.{_signature(f'{head}.{body}', b'')}",
        "wrong audience": signed(aud="somebody-else"),
        "no audience": signed(aud=None),
        "wrong issuer": signed(iss="somebody-else"),
        "no expiry": signed(exp=None),
        "not an access token": signed(typ="JWT"),
        "no session": signed(sid=None),
        "an unknown session": signed(sid="0198b1f0-0000-7000-8000-000000000000"),
        "another user in the session": signed(sub=world.colleague.user_id),
        "another tenant in the session": signed(tid=world.stranger.tenant_id),
        "a number for a user": signed(sub=7),
        "another's claims": f"Bearer {head}.{other_body}.{signature}",
        "a cut signature": f"Bearer {head}.{body}.{signature[:-3]}",
        "logged out": f"Bearer {logged_out}",
        "a refresh token": f"Bearer {world.owner.refresh_token}",
        "an unknown API key": "Bearer etude_key_" + "A" * 43,
        "half an API key": f"Bearer {world.api_key[:-1]}",
    }
