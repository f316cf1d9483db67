"""The mesh a command works with: one that runs already, or one of its own for as long as the command takes."""

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import click

from etude.cli.credentials import stored_token
from etude.client import AsyncEtudeClient
from etude.client.calls import DEFAULT_TARGET
from etude.mesh.errors import EtudeError
from etude.mesh.logging import configure_logging
from etude.mesh.scratch import scratch_directory
from etude.mesh.telemetry import configure_telemetry, flush_telemetry
from etude.mesh.user_directories import user_directory

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_TOKEN = "etude.token"


def token_option(command: F) -> F:
    """The option that says who calls; `connect` finds its value, commands need not hand it on."""

    def remember(ctx: click.Context, _parameter: click.Parameter, value: str) -> None:
        ctx.meta[_TOKEN] = value

    return click.option(
        "--token",
        "--api-key",
        envvar="ETUDE_TOKEN",
        default="",
        metavar="TOKEN",
        expose_value=False,
        callback=remember,
        help="Access token or API key.  [env: ETUDE_TOKEN; default: that of `etude login`]",
    )(command)


def server_options(command: F) -> F:
    """The options of commands that talk to a running mesh: where it is, and who calls."""
    return click.option(
        "--server",
        envvar="ETUDE_SERVER",
        default=DEFAULT_TARGET,
        metavar="HOST:PORT",
        show_default=True,
        help="The mesh.  [env: ETUDE_SERVER]",
    )(token_option(command))


def run(work: Coroutine[Any, Any, T], *, verbose: bool) -> T:
    """Runs a command's work: quiet unless `verbose`, traced if the environment asks for it, stopped by signals.

    Raises:
        KeyboardInterrupt: A signal asked to stop; the work has had the chance to clean up.
    """
    configure_logging("info" if verbose else "error")
    configure_telemetry("etude-cli")
    try:
        return asyncio.run(_stopped_by_signals(work))
    except asyncio.CancelledError as error:
        raise KeyboardInterrupt from error
    finally:
        flush_telemetry()


async def _stopped_by_signals(work: Coroutine[Any, Any, T]) -> T:
    """The work's result; SIGINT (Ctrl-C) and SIGTERM, which container runtimes send, cancel it."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None

    def stop(number: int, _frame: object) -> None:
        # Not by click: a signal may come while the same stream is written to. On a busy machine the end takes a while.
        os.write(2, "\nStopping…\n".encode())
        signal.signal(number, signal.SIG_DFL)  # a second one ends the process at once
        loop.call_soon_threadsafe(task.cancel)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return await work
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@asynccontextmanager
async def connect(server: str, data_dir: Path | None = None) -> AsyncIterator[AsyncEtudeClient]:
    """A client of the mesh at `server`, or of an embedded one when that is empty.

    An embedded mesh listens on sockets that only this user can reach, and keeps its jobs in `data_dir`, or in a
    directory that is removed at the end.

    Calls to a running mesh are made in the name of `--token`, or of whoever is logged in there.

    Raises:
        EtudeError: A service the environment names does not answer; UNAUTHENTICATED, the session is over.
    """
    if server:
        token = click.get_current_context().meta.get(_TOKEN) or await stored_token(server)
        async with AsyncEtudeClient(server, token=token) as client:
            yield client
        return
    # Imported here: a command that talks to a running mesh needs none of it.
    from etude.mesh.embedded import embedded_mesh

    async with AsyncExitStack() as stack:
        directory = data_dir or stack.enter_context(scratch_directory(*_scratch_place()))
        overrides = {"data_dir": directory, "drain_seconds": 2.0}
        mesh = await stack.enter_async_context(
            embedded_mesh(roots=["orchestrator"], addresses="unix", overrides=overrides)
        )
        yield await stack.enter_async_context(AsyncEtudeClient(mesh.near_target("orchestrator")))


def _scratch_place() -> tuple[Path, str]:
    """Where a job lives that is not kept, and how its directory's name begins.

    That is the user's cache, which is a real disk, where /tmp is often memory. Containers and service users may have no
    home or none they can write to; theirs is the system's temporary directory.
    """
    with suppress(OSError, EtudeError):
        cache = user_directory("XDG_CACHE_HOME", ".cache") / "etude"
        cache.mkdir(parents=True, exist_ok=True)
        if os.access(cache, os.W_OK | os.X_OK):
            return cache, "annotate-"
    return Path(tempfile.gettempdir()), "etude-annotate-"
