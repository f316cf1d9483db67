"""Every RPC of the orchestrator as nobody, as a colleague, as a stranger, and with credentials that are no good.

The methods come from the descriptors, so that a new one is tried without being named here. A request field that ends in
`_id` must be known to the world: whoever adds one says here what another user must not reach by it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor, ServiceDescriptor

import etude.identity.v1
import etude.job.v1
from etude.mesh.errors import EtudeError, from_rpc_error
from orchestrator.identity.authenticator import PUBLIC_METHODS
from tests.identity.world import Person, World, bearer
from tests.orchestrator.stage_servers import document

pytestmark = pytest.mark.asyncio(loop_scope="module")


def services() -> Iterator[ServiceDescriptor]:
    for package in (etude.identity.v1, etude.job.v1):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if module.name.endswith("_pb2"):
                yield from importlib.import_module(module.name).DESCRIPTOR.services_by_name.values()


METHODS = {
    f"{service.full_name}/{method.name}": method
    for service in services()
    for method in service.methods_by_name.values()
}
CLOSED = sorted(set(METHODS) - PUBLIC_METHODS)
#: Methods that take something of the owner's by its id.
OF_THE_OWNER = {"job_id": "JOB_NOT_FOUND", "artifact_id": "ARTIFACT_NOT_FOUND", "api_key_id": "API_KEY_NOT_FOUND"}
#: Fields that name nothing of anybody's.
FREE_IDS = {"request_id"}
#: What a request needs to get as far as the question of whose it is.
DETAILS: dict[str, dict[str, Any]] = {"UpdateFingering": {"unpin_note_ids": ["n0"]}}


def resource(method: MethodDescriptor) -> str:
    """The field by which a method names what it works on; empty when it works on the caller's own."""
    named = [
        field.name
        for field in method.input_type.fields
        if field.name.endswith("_id") and field.type == FieldDescriptor.TYPE_STRING and field.name not in FREE_IDS
    ]
    assert set(named) <= set(OF_THE_OWNER), f"{method.full_name}: say in OF_THE_OWNER whose {named} are"
    return named[0] if named else ""


def requests(method: MethodDescriptor, world: World) -> list[Any]:
    request = message_factory.GetMessageClass(method.input_type)
    if method.name == "CreateJob":
        return [request(create={"options": {"filename": "x.pdf"}}), request(chunk=document())]
    if method.name == "SubmitJob":
        return [request(create={"options": {"filename": "x.pdf"}}, content=document())]
    field = resource(method)
    return [request(**({field: world.ids[field]} if field else {}), **DETAILS.get(method.name, {}))]


async def call(world: World, name: str, metadata: list[tuple[str, str]]) -> list[Any]:
    """What a method answers.

    Raises:
        EtudeError: It failed.
    """
    method = METHODS[name]
    kind = ("stream" if method.client_streaming else "unary") + "_" + ("stream" if method.server_streaming else "unary")
    rpc = getattr(world.channel, kind)(
        f"/{name}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=message_factory.GetMessageClass(method.output_type).FromString,
    )
    sent = requests(method, world)
    answer = rpc(iter(sent) if method.client_streaming else sent[0], metadata=metadata, timeout=60)
    try:
        return [message async for message in answer] if method.server_streaming else [await answer]
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error


async def test_the_descriptors_name_what_the_server_offers(world: World) -> None:
    assert {name.partition("/")[0] for name in METHODS} == set(world.handle.services)
    assert set(METHODS) >= PUBLIC_METHODS


@pytest.mark.parametrize("name", CLOSED)
async def test_no_rpc_opens_to_bad_credentials(world: World, name: str, no_good: dict[str, str]) -> None:
    for what, authorization in no_good.items():
        with pytest.raises(EtudeError) as caught:
            await call(world, name, [("authorization", authorization)] if authorization else [])
        assert caught.value.reason == "UNAUTHENTICATED", what
        assert not any(secret in str(caught.value) for secret in world.secrets), what


@pytest.mark.parametrize("who", ["colleague", "stranger"])
@pytest.mark.parametrize("name", CLOSED)
async def test_no_rpc_reaches_what_is_anothers(world: World, name: str, who: str) -> None:
    person: Person = getattr(world, who)
    method = METHODS[name]
    # Ending a session would shut the other tests out.
    token = await world.log_in(person) if method.name in ("Logout", "ChangePassword") else person.access_token
    field = resource(method)
    try:
        answer = str(await call(world, name, bearer(token)))
        assert not field, f"{name} gave {who} what is the owner's"
    except EtudeError as error:
        if field:
            assert error.reason == OF_THE_OWNER[field]
        answer = f"{error} {error.metadata} {error.violations}"
    own = [world.owner.tenant_id] if who == "colleague" else []
    shown = [secret for secret in world.secrets if secret in answer and secret not in own]
    # A refusal may repeat the id that was asked for.
    assert [secret for secret in shown if secret != world.ids.get(field)] == []


@pytest.mark.parametrize("name", [name for name in CLOSED if resource(METHODS[name]) and "Delete" not in name])
async def test_the_owner_gets_as_far_as_the_thing_itself(world: World, name: str) -> None:
    """The refusals above are about whose it is, and nothing else."""
    for token in (world.owner.access_token, world.api_key):
        try:
            await call(world, name, bearer(token))
        except EtudeError as error:
            assert error.reason in ("INVALID_STATE", "INVALID_CONSTRAINT"), name


async def test_what_the_others_tried_has_changed_nothing(world: World) -> None:
    (job,) = await call(world, "etude.job.v1.JobService/GetJob", bearer(world.owner.access_token))
    assert job.job.job_id == world.ids["job_id"]
    (keys,) = await call(world, "etude.identity.v1.AuthService/ListApiKeys", bearer(world.owner.access_token))
    assert [key.api_key_id for key in keys.api_keys] == [world.ids["api_key_id"]]
