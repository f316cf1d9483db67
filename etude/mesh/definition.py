"""What a service is to the chassis, and how the installed services are found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

import grpc.aio

from etude.mesh.settings import ServiceSettings

ENTRY_POINT_GROUP = "etude.services"

Guard = Callable[[str, Mapping[str, str]], Awaitable[None]]
"""Asked before each call, with the method's full name ("etude.job.v1.JobService/GetJob") and the call's metadata."""


@dataclass(frozen=True, slots=True)
class Servicer:
    """One gRPC service a server offers.

    Attributes:
        full_name: Name in the contract, for example "etude.stage.v1.OmrService"; reflection and health go by it.
        add_to_server: Registers the implementation, usually
            `partial(add_OmrServiceServicer_to_server, implementation)`.
        check: Raises while the service cannot work because something it holds is broken: a database, a directory. Asked
            every few seconds and shown as the service's health. Servicers may share one. None: always healthy.
        guard: Finds out who calls, in the task that will handle the call, and raises where the caller may not. None:
            everybody may call.
    """

    full_name: str
    add_to_server: Callable[[grpc.aio.Server], None]
    check: Callable[[], Awaitable[None]] | None = None
    guard: Guard | None = None


@dataclass(frozen=True, slots=True)
class ServiceDefinition:
    """A service of the mesh, as registered under the entry-point group `etude.services`.

    Attributes:
        name: Short name: the entry point's, the command line's, and the `OMR` of `ETUDE_OMR_TARGET`.
        package: Python package the service lives in.
        settings_class: Its settings, read from the environment.
        start: Opens what the service holds (pools, models, databases) for the given settings, gives its servicers, and
            closes everything again on exit. Runs in the event loop that will serve.
    """

    name: str
    package: str
    settings_class: type[ServiceSettings]
    start: Callable[[Any], AbstractAsyncContextManager[Sequence[Servicer]]]


def load_definitions() -> dict[str, ServiceDefinition]:
    """The definitions of all installed services by name, in the order of their names.

    Raises:
        TypeError: An entry point of the group is something else, or is registered under another name than its own.
    """
    definitions: dict[str, ServiceDefinition] = {}
    for entry_point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda entry: entry.name):
        definitions[entry_point.name] = _checked(entry_point.name, entry_point.value, entry_point.load())
    return definitions


def load_definition(name: str) -> ServiceDefinition:
    """The definition of one installed service; imports no other service.

    Raises:
        LookupError: No service of that name is installed; the message lists those that are.
        TypeError: As `load_definitions`.
    """
    found = {entry_point.name: entry_point for entry_point in entry_points(group=ENTRY_POINT_GROUP)}
    if name not in found:
        raise LookupError(f"no service {name!r} is installed; there are: {', '.join(sorted(found)) or 'none'}")
    return _checked(name, found[name].value, found[name].load())


def _checked(name: str, value: str, loaded: object) -> ServiceDefinition:
    if not isinstance(loaded, ServiceDefinition):
        raise TypeError(f"entry point {name} = {value} of {ENTRY_POINT_GROUP} is not a ServiceDefinition")
    if loaded.name != name:
        raise TypeError(f"entry point {name} = {value} of {ENTRY_POINT_GROUP} calls itself {loaded.name!r}")
    return loaded
