"""etude serve."""

import asyncio
import signal
import sys
import time
from pathlib import Path
from typing import Any

import click

from etude.mesh.embedded import Mesh, embedded_mesh, installed_services
from etude.mesh.logging import configure_logging
from etude.mesh.memory import settle_memory
from etude.mesh.telemetry import configure_telemetry, flush_telemetry
from etude.mesh.user_directories import user_directory

EXAMPLES = """
\b
Examples:
  etude serve                                  everything, on loopback
  etude serve --data-dir ./data --http 127.0.0.1:9000
  etude serve omr                              one service, as python -m omr_service does
  ETUDE_OMR_TARGET=127.0.0.1:6000 etude serve  everything but the reader, which is there
  etude serve --profile production --scale omr=2
                                               each service a process, on PostgreSQL, S3 and Valkey
"""


@click.command(epilog=EXAMPLES)
@click.argument("service", required=False, default="")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Where jobs and artifacts are kept.  [default: the user's data directory, ~/.local/share/etude]",
)
@click.option(
    "--profile",
    type=click.Choice(["embedded", "production"]),
    default="embedded",
    show_default=True,
    help="embedded: one process on SQLite and files. production: PostgreSQL, S3 and Valkey servers, a process for each "
    "service, and logins.",
)
@click.option(
    "--scale",
    "scales",
    multiple=True,
    metavar="SERVICE=N",
    help="So many processes of a service; with the profile production. May be given again.",
)
@click.option("--http", "http_address", default=None, metavar="HOST:PORT", help="Where the gateway answers HTTP.")
@click.option(
    "--log-level",
    envvar="ETUDE_LOG_LEVEL",
    type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
    default=None,
    help="Least severe level that is logged.  [env: ETUDE_LOG_LEVEL; default: warning, info with --verbose]",
)
@click.option(
    "--log-format",
    envvar="ETUDE_LOG_FORMAT",
    type=click.Choice(["auto", "json", "console"], case_sensitive=False),
    default="auto",
    help="How lines look; auto is console on a terminal.  [env: ETUDE_LOG_FORMAT; default: auto]",
)
@click.pass_context
def serve(
    ctx: click.Context,
    service: str,
    data_dir: Path | None,
    profile: str,
    scales: tuple[str, ...],
    http_address: str | None,
    log_level: str | None,
    log_format: str,
) -> None:
    """Run the whole mesh in this process, or a single SERVICE.

    Everything listens on loopback only. Each service is set up by its variables (ETUDE_OMR_ADDRESS and so on); where a
    service is given a target (ETUDE_OMR_TARGET), that one is used and none is started. Stops on Ctrl-C or SIGTERM after
    running calls have ended; jobs go on at the next start.
    """
    if profile == "production":
        if service:
            raise click.UsageError("the profile production runs all services; leave SERVICE out.")
        configure_logging(log_level or "warning", log_format)
        _serve_production(data_dir, _replicas(scales), http_address, log_level)
        return
    if scales:
        raise click.UsageError("--scale goes with --profile production.")
    if service:
        _serve_one(ctx, service)
        return
    overrides: dict[str, Any] = {}
    if data_dir is not None:
        overrides["data_dir"] = data_dir.expanduser().resolve()
    if http_address is not None:
        overrides["http_address"] = http_address
    configure_logging(log_level or ("info" if ctx.obj["verbose"] else "warning"), log_format)
    configure_telemetry("etude")
    try:
        asyncio.run(_serve_all(overrides))
    finally:
        flush_telemetry()


def _serve_one(ctx: click.Context, name: str) -> None:
    from etude.mesh.definition import load_definition
    from etude.mesh.server import run

    if name not in installed_services():
        raise click.UsageError(f"there is no service {name!r}; choose one of {', '.join(installed_services())}.")
    ctx.exit(run(load_definition(name)))


def _replicas(scales: tuple[str, ...]) -> dict[str, int]:
    """How many processes of which service."""
    replicas: dict[str, int] = {}
    for scale in scales:
        name, _, number = scale.partition("=")
        if name not in installed_services() or not number.isdigit() or not 1 <= int(number) <= 64:
            raise click.UsageError(f"--scale {scale}: give one of {', '.join(installed_services())}, =, and 1 to 64.")
        replicas[name] = int(number)
    return replicas


def _serve_production(
    data_dir: Path | None, replicas: dict[str, int], http_address: str | None, log_level: str | None
) -> None:
    from etude.production.stack import ProductionStack, Supervisor

    directory = data_dir or user_directory("XDG_DATA_HOME", ".local/share") / "etude-production"
    given = {"ETUDE_GATEWAY_HTTP_ADDRESS": http_address, "ETUDE_LOG_LEVEL": log_level}
    environment = {name: value for name, value in given.items() if value}
    stop = False

    def on_signal(_number: int, _frame: object) -> None:
        nonlocal stop
        stop = True
        # A second signal ends the process at once, and the kernel the servers with it.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)

    try:
        stack = ProductionStack(directory.expanduser(), replicas=replicas, environment=environment)
        stack.start()
    except (LookupError, OSError, RuntimeError) as error:
        raise click.ClickException(str(error)) from error
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    try:
        click.echo("Étude is serving. Ctrl-C stops it.")
        for server in stack:
            click.echo(f"  {server.name:<16}process {server.pid:<8}{getattr(server, 'address', '')}")
        for line in _http_lines(stack.http_address):
            click.echo(line)
        sys.stdout.flush()
        supervisor = Supervisor(stack)
        while not stop:
            supervisor.look()
            time.sleep(0.2)
        click.echo("Stopping…", err=True)
    finally:
        stack.stop()


async def _serve_all(overrides: dict[str, Any]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with embedded_mesh(overrides=overrides) as mesh:
        settle_memory()
        for line in _addresses(mesh):
            click.echo(line)
        sys.stdout.flush()
        await stop.wait()
        # A second signal ends the process at once.
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        click.echo("Stopping…", err=True)


def _addresses(mesh: Mesh) -> list[str]:
    """Where everything answers, for people and for scripts that wait for it."""
    lines = ["Étude is serving. Ctrl-C stops it."]
    lines += [f"  {name:<14}{target}" for name, target in mesh.targets.items()]
    for settings in mesh.settings.values():
        if address := getattr(settings, "http_address", ""):
            lines += _http_lines(address)
    return lines


def _http_lines(address: str) -> list[str]:
    return [f"  {'in a browser':<14}http://{address}/", f"  {'HTTP API':<14}http://{address}/docs"]
