"""The load test in short: under many clients every job completes and nothing is missing. Times are not looked at."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.load import Extent, figures, run
from bench.load_servers import running_servers

pytestmark = pytest.mark.slow


@pytest.fixture
def directory() -> Iterator[Path]:
    """Not below pytest's, which only its owner may enter: PostgreSQL runs as somebody else when we are root."""
    path = Path(tempfile.mkdtemp(prefix="etude-load-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def test_nothing_fails_and_everything_is_whole_under_load(directory: Path) -> None:
    extent = Extent(clients=20, jobs=60, rate=10, minutes=0.05, orchestrators=2, durable=False)
    with running_servers(directory, orchestrators=2, durable=False) as servers:
        outcome = asyncio.run(run(extent, servers))
        assert outcome.failures == []
        assert len(outcome.warm_up.jobs) == len(outcome.burst.jobs) == 60
        assert outcome.paced.jobs
        assert outcome.burst.events
        names = [figure.name for figure in figures(extent, outcome)]
        assert len(names) == len(set(names))

        # What is missing is noticed.
        done = len(outcome.paced.jobs) + 120
        job_id = outcome.burst.last_job
        made = f"SELECT artifact_id FROM artifacts WHERE job_id = '{job_id}' AND kind = 'MIDI'"
        damages = {
            f"DELETE FROM artifact_lineage WHERE derived_artifact_id IN ({made})": "has an artifact made from nothing",
            f"DELETE FROM job_events WHERE job_id = '{job_id}' AND sequence = 3": "has gaps in its events",
            f"UPDATE job_steps SET runs = 2 WHERE job_id = '{job_id}'": "had a stage begun other than once",
            f"UPDATE jobs SET state = 'FAILED' WHERE job_id = '{job_id}'": "did not complete",
        }
        for damage, what in damages.items():
            seen = f"job {job_id} {what}"
            assert seen not in servers.faults(done)
            servers.postgres.execute(damage, "load")
            assert seen in servers.faults(done)
        assert "instead of" in servers.faults(done + 1)[0]
