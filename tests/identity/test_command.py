"""The `etude` command as a user of a mesh where everybody logs in."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import sys
from pathlib import Path

import pytest

from tests.identity.world import PASSWORD, World

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def etude(home: Path, world: World, *arguments: str, typed: str = "", **env: str) -> tuple[int, str]:
    """Exit code of the command and all it said."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ETUDE_", "OTEL_"))}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "etude.cli.main", *arguments,
        env={**clean, "XDG_CONFIG_HOME": str(home), "ETUDE_SERVER": world.handle.address, **env},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate(typed.encode())
    return process.returncode or 0, said.decode()


async def test_log_in_work_refresh_log_out(world: World, tmp_path: Path) -> None:
    code, said = await etude(tmp_path, world, "jobs", "list")
    assert (code, "[UNAUTHENTICATED]" in said) == (1, True)
    code, said = await etude(tmp_path, world, "login", "--email", world.owner.email, typed="wrong password\n")
    assert (code, "[UNAUTHENTICATED]" in said) == (1, True)
    code, said = await etude(tmp_path, world, "login", "--email", world.owner.email, typed=f"{PASSWORD}\n")
    assert code == 0, said
    code, said = await etude(tmp_path, world, "jobs", "list")
    assert (code, world.ids["job_id"] in said) == (0, True)

    path = tmp_path / "etude" / "credentials.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = json.loads(path.read_text())
    kept[world.handle.address]["access_expire_time"] = 0
    path.write_text(json.dumps(kept))
    # Two commands at once, and one refresh token: one of them refreshes, both work.
    both = await asyncio.gather(*(etude(tmp_path, world, "jobs", "list") for _ in range(2)))
    assert [code for code, _ in both] == [0, 0], both
    assert json.loads(path.read_text()) != kept

    code, said = await etude(tmp_path, world, "logout")
    assert code == 0, said
    code, said = await etude(tmp_path, world, "jobs", "list")
    assert (code, "[UNAUTHENTICATED]" in said) == (1, True)


async def test_a_machine_sends_its_key(world: World, tmp_path: Path) -> None:
    code, said = await etude(tmp_path, world, "jobs", "list", "--api-key", world.api_key)
    assert (code, world.ids["job_id"] in said) == (0, True)
    code, said = await etude(tmp_path, world, "jobs", "show", world.ids["job_id"], ETUDE_TOKEN=world.api_key)
    assert (code, world.api_key in said) == (0, False)
    code, said = await etude(tmp_path, world, "jobs", "list", "--token", "etude_key_wrong")
    assert (code, "[UNAUTHENTICATED]" in said) == (1, True)
