"""The orchestrator's health is that of its database and its artifacts."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from etude.mesh.health import check_health
from tests.orchestrator.conftest import Mesh

SERVICES = ("", "etude.job.v1.JobService", "etude.job.v1.ArtifactService", "etude.identity.v1.IdentityService")


async def healths(mesh: Mesh) -> set[bool]:
    return {await check_health(mesh.client.channel, name) for name in SERVICES}


async def becomes(mesh: Mesh, serving: bool) -> None:
    async with asyncio.timeout(10):
        while await healths(mesh) != {serving}:  # noqa: ASYNC110 - it is about another task
            await asyncio.sleep(0.02)


def remove_database(data_dir: Path) -> Callable[[], object]:
    moved = [(path, data_dir / f"aside-{path.name}") for path in data_dir.glob("etude.sqlite*")]
    for path, aside in moved:
        path.rename(aside)

    def undo() -> None:
        for path, aside in moved:
            aside.rename(path)

    return undo


def spoil_database(data_dir: Path) -> Callable[[], object]:
    undo = remove_database(data_dir)
    (data_dir / "etude.sqlite").write_bytes(b"this was a database once. " * 1000)
    return undo


def remove_artifacts(data_dir: Path) -> Callable[[], object]:
    shutil.move(data_dir / "artifacts", data_dir / "aside")
    return lambda: shutil.move(data_dir / "aside", data_dir / "artifacts")


@pytest.mark.parametrize("harm", [remove_database, spoil_database, remove_artifacts])
async def test_what_is_broken_is_not_healthy_and_what_is_mended_is(make_mesh: Any, harm: Any) -> None:
    mesh = await make_mesh(health_interval_seconds=0.05)
    assert await healths(mesh) == {True}
    undo = harm(mesh.data_dir)
    await becomes(mesh, False)
    undo()
    await becomes(mesh, True)
