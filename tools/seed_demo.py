"""Fills a running mesh with demo data: two users where logins are on, and jobs in every state a job comes to by itself.

    etude serve &                              python tools/seed_demo.py
    etude serve --profile production &         python tools/seed_demo.py --users

Jobs that are under way when it ends are left so: a list then shows some that wait, that are read, and that are at rest.
`FAILED`, the end of a job whose rendering fails or whose stages die again and again, cannot be had without a fault.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import secrets
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pikepdf

from etude.client import AsyncEtudeClient, job_options
from etude.job.v1.job_pb2 import Job, JobState
from etude.mesh.errors import EtudeError

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
USERS = ("ada@demo.example", "grace@demo.example")


def blank_page() -> bytes:
    """A PDF without music."""
    pdf = pikepdf.new()
    pdf.add_blank_page()
    buffer = io.BytesIO()
    pdf.save(buffer)
    return buffer.getvalue()


async def seed(client: AsyncEtudeClient) -> Sequence[Job]:
    """One job for each state of `docs/architecture.md`, as the caller of `client`; the jobs as they are in the end."""
    documents = sorted(EXAMPLES.glob("*.pdf"))
    done = [await client.create_job(path, job_options(hand_size="S", formats=("midi", "svg"))) for path in documents]
    empty = await client.create_job(blank_page(), job_options(filename="blank.pdf"))
    unknown = await client.create_job(documents[0], job_options(fingering_model="a-model-that-is-not-there"))
    stopped = await client.create_job(documents[-1], job_options(filename="stopped.pdf"))
    await client.cancel(stopped.job_id, "seeded as cancelled")
    for job in (*done, empty, unknown):
        await client.wait(job.job_id)
    under_way = [await client.create_job(path) for path in documents]
    return [await client.get_job(job.job_id) for job in (*done, empty, unknown, stopped, *under_way)]


async def main(target: str, users: bool) -> None:
    """Seed as the local user, or as each demo user."""
    for email in USERS if users else ("",):
        token = ""
        if email:
            password = secrets.token_urlsafe(12)
            async with AsyncEtudeClient(target) as client:
                try:
                    token = (await client.register(email, password)).tokens.access_token
                except EtudeError as error:
                    if error.reason != "USER_EXISTS":
                        raise
                    print(f"{email} is there already; nothing was added")
                    continue
            print(f"user {email}, password {password}")
        async with AsyncEtudeClient(target, token=token) as client:
            states = Counter(JobState.Name(job.state).removeprefix("JOB_STATE_") for job in await seed(client))
        for state, count in sorted(states.items()):
            print(f"  {count} {state}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="127.0.0.1:50050", help="the orchestrator  [default: %(default)s]")
    parser.add_argument("--users", action="store_true", help="register demo users; for a mesh with logins")
    arguments = parser.parse_args()
    asyncio.run(main(arguments.server, arguments.users))
