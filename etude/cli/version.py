"""etude version."""

import json
import platform
from importlib.metadata import version as installed_version

import click

from etude.notation.io import SCHEMA_VERSION


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def version(as_json: bool) -> None:
    """Show the versions of Étude and of what it stands on."""
    versions = {
        "etude": installed_version("etude"),
        "score_schema": SCHEMA_VERSION,
        "python": platform.python_version(),
        "grpc": installed_version("grpcio"),
        "protobuf": installed_version("protobuf"),
    }
    if as_json:
        click.echo(json.dumps(versions, indent=2))
        return
    for name, number in versions.items():
        click.echo(f"{name:<14}{number}")
