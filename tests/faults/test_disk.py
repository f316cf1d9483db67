"""A disk that fills up under the embedded mesh, and has room again: a small file system of its own in memory."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import SHORT, ServedMesh

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.xdist_group("faults"), pytest.mark.timeout(600)]

SIZE = 12 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", disk], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"no file system can be mounted here: {made.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def fill(disk: Path) -> Path:
    """Takes all the room there is."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    return ballast


def create(http: httpx.Client) -> httpx.Response:
    with SHORT.open("rb") as file:
        return http.post("/api/v1/jobs", files={"file": file})


def state_of(http: httpx.Client, job_id: str) -> str:
    return http.get(f"/api/v1/jobs/{job_id}").json()["state"]


def test_jobs_wait_for_room_and_nothing_is_half_there(small_disk: Path) -> None:
    mesh = ServedMesh(small_disk / "mesh")
    mesh.start()
    try:
        with httpx.Client(base_url=mesh.url, timeout=60) as http:
            before = create(http).json()["job_id"]
            until(http, before)
            under_way = create(http).json()["job_id"]
            ballast = fill(small_disk)
            refused = create(http)
            assert refused.status_code == 503, refused.text
            assert refused.json()["error"]["reason"] == "DEPENDENCY_UNAVAILABLE"
            assert refused.headers["retry-after"]
            assert str(small_disk) not in refused.text
            assert "sqlite" not in refused.text.lower()
            # What is there can be read.
            results = http.get(f"/api/v1/jobs/{before}/artifacts").json()["artifacts"]
            assert all(http.get(f"/api/v1/artifacts/{each['artifact_id']}/download").is_success for each in results)
            time.sleep(2)
            assert state_of(http, under_way) not in ("FAILED", "OMR_FAILED", "FINGERING_FAILED")
            ballast.unlink()
            until(http, under_way)
            after = create(http)
            assert after.status_code == 201, after.text
            until(http, after.json()["job_id"])
            listed = http.get("/api/v1/jobs").json()["jobs"]
            assert {each["job_id"] for each in listed} == {before, under_way, after.json()["job_id"]}
            rows = [
                each["artifact_id"]
                for job in listed
                for each in http.get(f"/api/v1/jobs/{job['job_id']}/artifacts?latest_only=false").json()["artifacts"]
            ]
        # A start sweeps away what was stored and never told of.
        assert mesh.stop() == 0
        mesh.start()
        assert sorted(Path(name).name.split(".")[0] for name in mesh.stored()) == sorted(rows)
    finally:
        mesh.stop()


def until(http: httpx.Client, job_id: str) -> None:
    deadline = time.monotonic() + 150
    while (state := state_of(http, job_id)) != "COMPLETED":
        assert time.monotonic() < deadline, state
        assert "FAILED" not in state, http.get(f"/api/v1/jobs/{job_id}").json()
        time.sleep(0.3)


def test_the_disk_is_really_small(small_disk: Path) -> None:
    fill(small_disk)
    assert os.statvfs(small_disk).f_bavail == 0
