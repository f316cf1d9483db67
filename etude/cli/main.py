"""The `etude` command: its subcommands and how failures look."""

import gc
import importlib
import os
import sys
from typing import Any

import click

from etude.cli.exit_codes import EXIT_FAILED, EXIT_INTERRUPTED

_COMMANDS = {
    "annotate": "etude.cli.annotate:annotate",
    "eval": "etude.cli.eval:evaluation",
    "jobs": "etude.cli.jobs:jobs",
    "login": "etude.cli.login:login",
    "logout": "etude.cli.login:logout",
    "playability": "etude.cli.playability:playability",
    "review": "etude.cli.review:review",
    "serve": "etude.cli.serve:serve",
    "version": "etude.cli.version:version",
}


class LazyGroup(click.Group):
    """A group that imports a command only when it is wanted, so that the command line answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name."""
        if cmd_name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[cmd_name].split(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}:{attribute} is not a command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is called; a mistyped one is refused with the name that is most like it."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib  # here, for what every process imports is to be little

            like = difflib.get_close_matches(args[0], _COMMANDS, 1)
            if not like:
                raise
            raise click.UsageError(f"{error.message} Did you mean {like[0]}?", ctx) from None


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("-v", "--verbose", is_flag=True, help="Show tracebacks and the log of the mesh.")
@click.version_option(package_name="etude", prog_name="etude")
@click.pass_context
def cli(ctx: click.Context, verbose: bool) -> None:
    """Sheet music in, a fingered piano score out.

    \b
    etude annotate sonata.pdf -o out     read a PDF, finger it, write all formats to out/
    etude serve                          run the whole mesh and its HTTP face on this machine
    etude jobs list                      what a running mesh has done

    `etude COMMAND --help` tells more.
    """
    ctx.obj = {"verbose": verbose}


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; gives 0 when all went well, 1 when something failed, 2 for wrong usage."""
    given = sys.argv[1:] if arguments is None else arguments
    if not _verbose(given):
        # gRPC's C++ core writes to standard error by itself what the command says in its own words.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        return _run(given)
    finally:
        if arguments is None:
            # the process ends: looking for garbage in all that is loaded would hold it up for half a second
            gc.freeze()


def _run(given: list[str]) -> int:
    try:
        result: Any = cli.main(given, prog_name="etude", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("Stopped.", err=True)
        return EXIT_INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        # The reader of a pipe (head, less) has left; Python would complain again when it flushes on exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except Exception as error:
        if _verbose(given):
            raise
        # Imported here: worker processes import this module again, and should have nothing of gRPC to load for it.
        from etude.cli.failures import describe

        click.echo(f"Error: {describe(error)}", err=True)
        return EXIT_FAILED
    return result if isinstance(result, int) else 0


def _verbose(arguments: list[str]) -> bool:
    return any(argument in ("-v", "--verbose") for argument in arguments)


if __name__ == "__main__":
    sys.exit(main())
