"""etude serve."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import click

from etude.mesh.embedded import Mesh, embedded_mesh, installed_services
from etude.mesh.logging import configure_logging
from etude.mesh.telemetry import configure_telemetry, flush_telemetry

EXAMPLES = """
\b
Examples:
  etude serve                                  everything, on loopback
  etude serve --data-dir ./data --http 127.0.0.1:9000
  etude serve omr                              one service, as python -m omr_service does
  ETUDE_OMR_TARGET=127.0.0.1:6000 etude serve  everything but the reader, which is there
"""


@click.command(epilog=EXAMPLES)
@click.argument("service", required=False, default="")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Where jobs and artifacts are kept.  [default: the user's data directory, ~/.local/share/etude]",
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
    http_address: str | None,
    log_level: str | None,
    log_format: str,
) -> None:
    """Run the whole mesh in this process, or a single SERVICE.

    Everything listens on loopback only. Each service is set up by its variables (ETUDE_OMR_ADDRESS and so on); where a
    service is given a target (ETUDE_OMR_TARGET), that one is used and none is started. Stops on Ctrl-C or SIGTERM after
    running calls have ended; jobs go on at the next start.
    """
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


async def _serve_all(overrides: dict[str, Any]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with embedded_mesh(overrides=overrides) as mesh:
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
            lines += [f"  {'in a browser':<14}http://{address}/", f"  {'HTTP API':<14}http://{address}/docs"]
    return lines
