"""The whole mesh in one process: every installed service on an address of its own, told where the others are.

A service names what it calls by its settings: a field `omr_target` means that it calls the service `omr`. That is how
the order of starting is found, and how the services are wired; no service is known here by name. Where the environment
already says where a service is (`ETUDE_OMR_TARGET`), that one is used instead of an own one, whoever wrote it and in
whatever language. Calls within the process go without a socket.
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

from pydantic import ValidationError

from etude.mesh.channels import open_channel
from etude.mesh.definition import ENTRY_POINT_GROUP, ServiceDefinition, load_definition
from etude.mesh.errors import EtudeError
from etude.mesh.health import check_health
from etude.mesh.scratch import scratch_directory
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

    def near_target(self, name: str) -> str:
        """Where a service answers callers of this process: without a socket when it runs here."""
        server = self.servers.get(name)
        return self.targets[name] if server is None else server.near_target


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
        EtudeError: DEPENDENCY_UNAVAILABLE, a service elsewhere does not answer; INVALID_REQUEST, a setting is wrong.
    """
    external = {name: target for name in installed_services() if (target := os.environ.get(target_variable(name)))}
    async with AsyncExitStack() as stack:
        sockets = None
        if addresses == "unix":
            # Not beside the data: the path of a socket may have 107 bytes at most.
            sockets = stack.enter_context(scratch_directory(Path(tempfile.gettempdir()), "etude-mesh-"))
        starter = _Starter(stack, external, sockets, dict(overrides or {}))
        for name in tuple(roots) or tuple(installed_services()):
            await starter.start(name)
        yield starter.mesh


class _Starter:
    """Starts services, what they call first.

    A service is started as soon as it is loaded, so that its worker processes warm up on one processor while the next
    service is imported on another.
    """

    def __init__(
        self, stack: AsyncExitStack, external: Mapping[str, str], sockets: Path | None, overrides: dict[str, Any]
    ) -> None:
        self._stack = stack
        self._external = external
        self._sockets = sockets
        self._overrides = overrides
        self._begun: set[str] = set()
        self._targets: dict[str, str] = {}
        self._servers: dict[str, ServerHandle] = {}
        self._settings: dict[str, ServiceSettings] = {}
        self.mesh = Mesh(targets=self._targets, servers=self._servers, settings=self._settings)

    async def start(self, name: str) -> None:
        """Starts a service and all it calls, unless they run already or are elsewhere.

        Raises:
            OSError, LookupError, EtudeError: As `embedded_mesh`.
            ValueError: It calls itself, directly or through others.
        """
        if name in self._targets:
            return
        if name in self._external:
            await _answers(name, self._external[name])
            self._targets[name] = self._external[name]
            return
        if name in self._begun:
            raise ValueError(f"the service {name} calls itself, directly or through others")
        self._begun.add(name)
        definition = load_definition(name)
        for callee in callees(definition):
            await self.start(callee)
        settings = self._settings_of(definition)
        try:
            handle = await self._stack.enter_async_context(running_server(definition, settings))
        except OSError as error:
            raise OSError(f"the {name} service does not start: {error}") from error
        self._targets[name], self._servers[name], self._settings[name] = handle.address, handle, settings

    def _settings_of(self, definition: ServiceDefinition) -> ServiceSettings:
        called = callees(definition)
        values: dict[str, Any] = {f"{name}{_TARGET_SUFFIX}": self.mesh.near_target(name) for name in called}
        if self._sockets is not None:
            values["address"] = f"unix:{self._sockets / definition.name}.sock"
        values |= self._overrides
        fields = definition.settings_class.model_fields
        try:
            return definition.settings_class(**{name: value for name, value in values.items() if name in fields})
        except ValidationError as error:
            prefix = definition.settings_class.model_config.get("env_prefix", "")
            # The input is left out: it may be a secret.
            faults = error.errors(include_url=False, include_input=False)
            named = "; ".join(f"{prefix}{'_'.join(map(str, fault['loc'])).upper()}: {fault['msg']}" for fault in faults)
            raise EtudeError("INVALID_REQUEST", f"The settings of {definition.name} are wrong. {named}.") from error


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
