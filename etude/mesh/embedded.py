"""The whole mesh in one process: every installed service on an address of its own, told where the others are.

A service names what it calls by its settings: a field `omr_target` means that it calls the service `omr`. That is how
the order of starting is found, and how the services are wired; no service is known here by name. Where the environment
already says where a service is (`ETUDE_OMR_TARGET`), that one is used instead of an own one, whoever wrote it and in
whatever language.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal

from etude.mesh.channels import open_channel
from etude.mesh.definition import ENTRY_POINT_GROUP, ServiceDefinition, load_definition
from etude.mesh.errors import EtudeError
from etude.mesh.health import check_health
from etude.mesh.server import ServerHandle, running_server
from etude.mesh.settings import ServiceSettings

_TARGET_SUFFIX = "_target"
EXTERNAL_WAIT_S = 15.0
"""How long a service elsewhere may take to answer that it serves."""


@dataclass(frozen=True, slots=True)
class Mesh:
    """A running mesh.

    Attributes:
        targets: Where each service answers, in gRPC's form, by name.
        servers: The servers that run in this process, by name, in the order they were started.
        settings: Their settings, by name.
    """

    targets: Mapping[str, str]
    servers: Mapping[str, ServerHandle]
    settings: Mapping[str, ServiceSettings]


@asynccontextmanager
async def embedded_mesh(
    *,
    roots: Iterable[str] = (),
    addresses: Literal["settings", "unix"] = "settings",
    overrides: Mapping[str, Any] | None = None,
) -> AsyncIterator[Mesh]:
    """A mesh that answers when the block is entered and is stopped, callers before callees, when it is left.

    Args:
        roots: Only these services and what they call; all installed ones when empty.
        addresses: "settings" listens where each service's settings say; "unix" on sockets in a directory that only
            this user can enter, so that any number of meshes run side by side and nobody else can call them.
        overrides: Values for settings by field name; a service takes those of its fields (data_dir, log_level).

    Raises:
        OSError: An address cannot be listened on.
        LookupError: A service is neither installed nor given a target by the environment.
        EtudeError: DEPENDENCY_UNAVAILABLE, a service elsewhere does not answer.
    """
    external = {name: target for name in installed_services() if (target := os.environ.get(target_variable(name)))}
    definitions = _in_order(_wanted(tuple(roots) or tuple(installed_services()), external))
    targets = dict(external)
    servers: dict[str, ServerHandle] = {}
    settings: dict[str, ServiceSettings] = {}
    async with AsyncExitStack() as stack:
        sockets = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="etude-")))
        needed = {callee for definition in definitions for callee in callees(definition)}
        await asyncio.gather(*(_answers(name, external[name]) for name in sorted(needed & external.keys())))
        for definition in definitions:
            values: dict[str, Any] = {
                f"{name}{_TARGET_SUFFIX}": targets[name] for name in callees(definition) if name in targets
            }
            if addresses == "unix":
                values["address"] = f"unix:{sockets / definition.name}.sock"
            values |= overrides or {}
            fields = definition.settings_class.model_fields
            own = definition.settings_class(**{name: value for name, value in values.items() if name in fields})
            handle = await stack.enter_async_context(running_server(definition, own))
            servers[definition.name], settings[definition.name] = handle, own
            targets[definition.name] = handle.address
        yield Mesh(targets=targets, servers=servers, settings=settings)


def installed_services() -> list[str]:
    """Names of the installed services; imports none of them."""
    return sorted(entry.name for entry in entry_points(group=ENTRY_POINT_GROUP))


def target_variable(name: str) -> str:
    """The variable that says where a service is.

    >>> target_variable("omr")
    'ETUDE_OMR_TARGET'
    """
    return f"ETUDE_{name.upper()}_TARGET"


def callees(definition: ServiceDefinition) -> tuple[str, ...]:
    """Names of the services a service calls, by its settings."""
    fields = definition.settings_class.model_fields
    return tuple(name.removesuffix(_TARGET_SUFFIX) for name in fields if name.endswith(_TARGET_SUFFIX))


def _wanted(roots: Iterable[str], external: Mapping[str, str]) -> dict[str, ServiceDefinition]:
    """The definitions of the roots and of all they call, except of those that are elsewhere."""
    found: dict[str, ServiceDefinition] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in found or name in external:
            continue
        found[name] = load_definition(name)
        waiting += callees(found[name])
    return found


def _in_order(definitions: Mapping[str, ServiceDefinition]) -> list[ServiceDefinition]:
    """Callees before callers; otherwise by name.

    Raises:
        ValueError: Two services call each other.
    """
    ordered: list[ServiceDefinition] = []
    left = dict(sorted(definitions.items()))
    while left:
        ready = [name for name, definition in left.items() if not set(callees(definition)) & left.keys()]
        if not ready:
            raise ValueError(f"these services call each other in a circle: {', '.join(left)}")
        ordered += [left.pop(name) for name in ready]
    return ordered


async def _answers(name: str, target: str) -> None:
    """Waits until a service elsewhere says that it serves.

    Raises:
        EtudeError: DEPENDENCY_UNAVAILABLE when it does not in time.
    """
    async with open_channel(target) as channel:
        try:
            async with asyncio.timeout(EXTERNAL_WAIT_S):
                while not await check_health(channel):  # noqa: ASYNC110 - nothing here could set an event
                    await asyncio.sleep(0.2)
        except TimeoutError as error:
            raise EtudeError(
                "DEPENDENCY_UNAVAILABLE",
                f"The {name} service at {target} does not answer; start it, or unset {target_variable(name)}.",
            ) from error
