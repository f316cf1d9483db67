"""The servers of this process, for callers in it.

A server is found by its address. Whatever it does not take this way (a method it does not have, calls while it drains
or is not healthy, callers in another event loop) goes over its socket, and gets the answer that everybody gets there.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import grpc
import grpc.aio

from etude.mesh.near_calls import NearCall
from etude.mesh.near_exchange import NearMethod

_PREFIX = "in-process:"
_servers: dict[str, NearServer] = {}


def near_target(address: str) -> str:
    """The target of a channel that calls the server at `address` without a socket while it runs in this process.

    >>> near_target("127.0.0.1:50051")
    'in-process:127.0.0.1:50051'
    """
    return _PREFIX + address


def split_target(target: str) -> tuple[str, bool]:
    """The address in a target, in gRPC's form, and whether the target is one of `near_target`.

    >>> split_target("in-process:unix:/run/omr.sock"), split_target("dns:///omr:50051")
    (('unix:/run/omr.sock', True), ('dns:///omr:50051', False))
    """
    return target.removeprefix(_PREFIX), target.startswith(_PREFIX)


class NearServer:
    """A server as its neighbours see it. Servicers are added to it as to the server that it passes them on to."""

    def __init__(
        self,
        server: grpc.aio.Server,
        wrapped: Callable[[Any, str], grpc.RpcMethodHandler[Any, Any]],
        serves: Callable[[str], bool],
    ) -> None:
        """A view of `server`.

        Args:
            server: Where the handlers are registered for everybody else.
            wrapped: A handler of a method, by its full name, with all that the server puts around it.
            serves: Whether a service, by its name, or "" for all of them, is healthy.
        """
        self.loop = asyncio.get_running_loop()
        self.serves = serves
        self._server: Any = server  # grpc-stubs do not know of registered methods
        self._wrapped = wrapped
        self._handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
        self._context = contextvars.copy_context()

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Any) -> None:
        """Register handlers; called by generated code, and by it alone."""
        self._server.add_generic_rpc_handlers(generic_rpc_handlers)

    def add_registered_method_handlers(self, service_name: str, method_handlers: Mapping[str, Any]) -> None:
        """Register the handlers of a service by their names; called by generated code."""
        self._server.add_registered_method_handlers(service_name, method_handlers)
        for name, handler in method_handlers.items():
            self._handlers[f"{service_name}/{name}"] = self._wrapped(handler, f"{service_name}/{name}")

    def handler(self, method: str) -> grpc.RpcMethodHandler[Any, Any] | None:
        """What handles a method, by its full name ("etude.stage.v1.OmrService/Recognize"), if anything does."""
        return self._handlers.get(method)

    def fresh_context(self) -> contextvars.Context:
        """Context variables for a handler: those the server was started with."""
        return self._context.copy()

    @contextmanager
    def found_at(self, address: str) -> Iterator[None]:
        """Be found at `address` while the block lasts."""
        _servers[address] = self
        try:
            yield
        finally:
            self.be_lost(address)

    def be_lost(self, address: str) -> None:
        """Take no more calls; those that run go on."""
        if _servers.get(address) is self:
            del _servers[address]


class Neighbour:
    """The server at an address, for as long as it runs in this event loop, and the calls made to it."""

    def __init__(self, address: str, health_service: str | None) -> None:
        """The server at `address`, which takes calls while `health_service` is healthy (None: always)."""
        self._address = address
        self._health_service = health_service
        self._running: set[NearCall] = set()

    def method(self, path: str, *, request_serializer: Any = None, response_deserializer: Any = None, **_: Any) -> Any:
        """What begins a call of a method ("/etude.stage.v1.OmrService/Recognize"), as a grpc.aio channel gives it.

        It takes what grpc.aio's takes, and gives a `NearCall`, or None for a call that has to go over the socket.
        """
        write_request, read_response = request_serializer or _as_it_is, response_deserializer or _as_it_is
        name = path.lstrip("/")

        def call(
            request: Any = None,
            *,
            metadata: grpc.aio.Metadata,
            timeout: float | None = None,
            credentials: Any = None,
            **_of_the_wire: Any,
        ) -> NearCall | None:
            server = self._find()
            handler = None if server is None else server.handler(name)
            if server is None or handler is None or credentials is not None:
                return None
            method = NearMethod(
                behavior=_behavior(handler),
                request_streaming=handler.request_streaming,
                response_streaming=handler.response_streaming,
                write_request=write_request,
                read_request=handler.request_deserializer or _as_it_is,
                write_response=handler.response_serializer or _as_it_is,
                read_response=read_response,
            )
            begun = NearCall(method, request, metadata, timeout, server.fresh_context())
            self._running.add(begun)
            begun.add_done_callback(self._running.discard)
            return begun

        return call

    def cancel_all(self) -> None:
        """End the calls that run."""
        for call in tuple(self._running):
            call.cancel()

    def _find(self) -> NearServer | None:
        server = _servers.get(self._address)
        if server is None or server.loop is not asyncio.get_running_loop():
            return None
        return server if self._health_service is None or server.serves(self._health_service) else None


def _behavior(handler: Any) -> Callable[[Any, Any], Any]:
    one = handler.unary_unary or handler.unary_stream
    found: Callable[[Any, Any], Any] = one or handler.stream_unary or handler.stream_stream
    return found


def _as_it_is(message: Any) -> Any:
    return message
