"""What every call of the client shares: the channel, the metadata, the time limit, the errors."""

import random
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc

from etude.mesh.channels import open_channel
from etude.mesh.errors import EtudeError, from_rpc_error
from etude.mesh.near_servers import split_target

DEFAULT_TARGET = "127.0.0.1:50050"
"""Where `etude serve` has the orchestrator."""

CALL_TIMEOUT_S = 30.0

R = TypeVar("R")


def open_client_channel(target: str) -> grpc.aio.Channel:
    """A channel as this client wants it: a failed upload is begun anew from the file, not from what is left of it."""
    return open_channel(target, retry_buffer_bytes=256 * 1024)


class Calls:
    """A channel to an orchestrator and the way calls are made on it."""

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        channel: grpc.aio.Channel | None = None,
        timeout_s: float = CALL_TIMEOUT_S,
        token: str = "",
        metadata: Sequence[tuple[str, str]] = (),
    ) -> None:
        """A client of the orchestrator at `target`; nothing is sent yet.

        Args:
            target: Address in gRPC's form ("host:port", "unix:/path", "dns:///name:port").
            channel: A channel to `target` to use instead of opening one (see `open_client_channel`); the caller closes
                it.
            timeout_s: Longest wait for an ordinary call.
            token: Access token or API key that says who calls; none for the local user of one's own machine.
            metadata: Sent with every call.
        """
        self.target = split_target(target)[0]
        self._owns_channel = channel is None
        self.channel = open_client_channel(target) if channel is None else channel
        self.timeout_s = timeout_s
        self.metadata = (*metadata, *([("authorization", f"Bearer {token}")] if token else []))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the channel if this client opened it."""
        if self._owns_channel:
            await self.channel.close(None)

    async def unary(self, method: Callable[..., Awaitable[R]], request: Any, *, timeout_s: float | None = None) -> R:
        """The answer to an ordinary call.

        Raises:
            EtudeError: Whatever the server answered instead.
        """
        try:
            return await method(request, timeout=timeout_s or self.timeout_s, metadata=self.metadata)
        except grpc.aio.AioRpcError as error:
            raise self.error(error) from error

    def error(self, error: grpc.aio.AioRpcError) -> EtudeError:
        """What a failed call means, with a sentence of our own where gRPC could not reach anybody."""
        meant = from_rpc_error(error)
        if meant.metadata.get("grpc_code") != grpc.StatusCode.UNAVAILABLE.name:
            return meant
        return EtudeError(
            "DEPENDENCY_UNAVAILABLE",
            f"The orchestrator at {self.target} cannot be reached; check that it runs (`etude serve`) and try again.",
            metadata={**meant.metadata, "cause": meant.message},
        )


def jittered(delay_s: float) -> float:
    """A delay spread by half around itself, so that many clients do not come back at once."""
    return delay_s * (0.5 + random.random())
