"""etude login and etude logout."""

import sys

import click

from etude.cli.connection import connect, run, server_options
from etude.cli.credentials import forget, keep, stored_token
from etude.client import AsyncEtudeClient


@click.command(short_help="Log in to a mesh for later commands.")
@click.option("--email", prompt="E-mail", help="Asked for when left out.")
@click.option("--register", is_flag=True, help="Create the account first.")
@click.option("--invitation", default="", metavar="TOKEN", help="With --register: join the tenant of whoever invited.")
@server_options
@click.pass_context
def login(ctx: click.Context, email: str, register: bool, invitation: str, server: str) -> None:
    """Log in to a mesh; later commands with the same --server are made in your name.

    The password is asked for, or read from standard input when that is not a terminal. The tokens are kept in
    ~/.config/etude/credentials.json. Machines better use an API key: --token, or ETUDE_TOKEN.
    """
    password = _password(confirm=register)

    async def work() -> str:
        async with AsyncEtudeClient(server) as client:
            if register:
                made = await client.register(email, password, invitation_token=invitation)
                keep(server, made.tokens)
                return made.user.email
            found = await client.login(email, password)
            keep(server, found.tokens)
            return found.user.email

    name = run(work(), verbose=ctx.obj["verbose"])
    click.echo(f"Logged in to {server} as {name}.")


@click.command()
@server_options
@click.pass_context
def logout(ctx: click.Context, server: str) -> None:
    """End the session at a mesh and forget its tokens."""

    async def work() -> bool:
        if not await stored_token(server):
            return False
        async with connect(server) as client:
            await client.logout()
        forget(server)
        return True

    known = run(work(), verbose=ctx.obj["verbose"])
    click.echo(f"Logged out of {server}." if known else f"Nobody is logged in to {server}.")


def _password(*, confirm: bool) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=confirm)
    return answer
