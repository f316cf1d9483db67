"""The servers of a load test, each in a process of its own: PostgreSQL, stages that do nothing, orchestrators, gateway.

And what the database says afterwards: whether all that was begun came to its end, whole.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.accounted import tree_memory_kb
from bench.surroundings import ROOT
from etude.production.ports import free_ports
from etude.production.postgres import PostgresServer
from etude.production.process import ChildServer, Command
from etude.production.services import ServiceProcess
from tests.orchestrator.stage_servers import Journal

_DATABASE = "load"

#: What must not be found, by the question that finds it (job ids).
_FAULTS = {
    "did not complete": "SELECT job_id FROM jobs WHERE state <> 'COMPLETED'",
    "has gaps in its events": "SELECT job_id FROM job_events GROUP BY job_id HAVING count(*) <> max(sequence)",
    "has events beyond its latest": "SELECT job_id FROM jobs JOIN (SELECT job_id, max(sequence) AS last "
    "FROM job_events GROUP BY job_id) AS told USING (job_id) WHERE told.last <> jobs.last_sequence",
    "had a stage begun other than once": "SELECT job_id FROM jobs LEFT JOIN job_steps USING (job_id) GROUP BY job_id "
    "HAVING count(*) <> 3 OR max(runs) <> 1 OR bool_or(outcome IS DISTINCT FROM 'FINISHED')",
    "has an artifact made from nothing": "SELECT job_id FROM artifacts WHERE kind <> 'SOURCE' AND artifact_id "
    "NOT IN (SELECT derived_artifact_id FROM artifact_lineage)",
    "has another number of artifacts than its like": "SELECT job_id FROM artifacts GROUP BY job_id HAVING count(*) <> "
    "(SELECT mode() WITHIN GROUP (ORDER BY n) FROM (SELECT count(*) AS n FROM artifacts GROUP BY job_id) AS counted)",
}


class _Module(ChildServer):
    """A module that is run with arguments and prints "ready"."""

    def __init__(self, name: str, directory: Path, module: str, arguments: Sequence[str]) -> None:
        super().__init__(name, directory)
        self._arguments = [sys.executable, "-m", module, *arguments]

    def command(self) -> Command:
        """How it is run."""
        return Command(self._arguments, {**os.environ, "PYTHONPATH": str(ROOT)})

    def answers(self) -> bool:
        """True when it is ready."""
        return "ready" in self.log


@dataclass(frozen=True, slots=True)
class Servers:
    """What runs.

    Attributes:
        orchestrators: The orchestrators, on one database.
        gateway: The gateway, which calls the first of them.
        http_address: Where it answers HTTP.
        journal: What the stages did.
    """

    directory: Path
    postgres: PostgresServer
    orchestrators: Sequence[ServiceProcess]
    gateway: ServiceProcess
    http_address: str
    journal: Journal

    def stage_seconds(self) -> Mapping[str, float]:
        """Seconds that each job spent within the stages' handlers, by its id."""
        seconds: defaultdict[str, float] = defaultdict(float)
        for entry in self.journal.read():
            if entry["what"] == "end":
                seconds[entry["job_id"]] += entry["seconds"]
        return dict(seconds)

    def memory_mb(self) -> Sequence[float]:
        """PSS of each orchestrator, then of the gateway, in MB."""
        return [tree_memory_kb(server.pid)[0] / 1024 for server in (*self.orchestrators, self.gateway)]

    def faults(self, expected_jobs: int) -> Sequence[str]:
        """What is wrong with the jobs in the database; empty when they all completed and nothing is missing."""
        found = [
            f"job {job_id} {what}"
            for what, question in _FAULTS.items()
            for job_id in self.postgres.execute(question, _DATABASE).split()
        ]
        count = int(self.postgres.execute("SELECT count(*) FROM jobs", _DATABASE))
        return found if count == expected_jobs else [f"there are {count} jobs instead of {expected_jobs}", *found]

    @contextlib.contextmanager
    def plain(self, answer: bytes) -> Iterator[tuple[str, str]]:
        """Addresses (gRPC, HTTP) of the servers of `bench.plain`, which answer with a job in binary form."""
        path = self.directory / "answer.binpb"
        path.write_bytes(answer)
        ports = free_ports(2)
        server = _Module("plain", self._folder("plain"), "bench.plain", [*map(str, ports), str(path)])
        server.start()
        try:
            yield f"127.0.0.1:{ports[0]}", f"127.0.0.1:{ports[1]}"
        finally:
            server.stop()

    def _folder(self, name: str) -> Path:
        folder = self.directory / name
        folder.mkdir(mode=0o755)
        return folder


@contextlib.contextmanager
def running_servers(directory: Path, *, orchestrators: int, durable: bool) -> Iterator[Servers]:
    """All servers, with their files below `directory`, which other users must be able to enter.

    Args:
        directory: Where files are kept.
        orchestrators: How many of them.
        durable: Whether PostgreSQL flushes to the disk.

    Raises:
        RuntimeError: A server does not start.
    """
    with contextlib.ExitStack() as stack:

        def start(server: ChildServer) -> None:
            stack.callback(server.stop)
            server.start()

        def folder(name: str) -> Path:
            made = directory / name
            made.mkdir(mode=0o755)
            return made

        postgres = PostgresServer(folder("postgres"), "load", durable=durable)
        start(postgres)
        postgres.ensure_role()
        postgres.ensure_database(_DATABASE)
        names = ("omr", "fingering", "renderer")
        ports = free_ports(len(names) + orchestrators + 2)
        stage_ports = ports[: len(names)]
        journal = Journal(folder("journal") / "stages.jsonl")
        arguments = [str(journal.path), *map(str, stage_ports)]
        start(_Module("stages", folder("stages"), "tests.orchestrator.stage_servers", arguments))
        targets = {
            f"ETUDE_{name.upper()}_TARGET": f"127.0.0.1:{port}" for name, port in zip(names, stage_ports, strict=True)
        }
        data = folder("data")
        made = []
        for number in range(orchestrators):
            address = f"127.0.0.1:{ports[len(names) + number]}"
            environment = {
                **targets,
                "ETUDE_ORCHESTRATOR_ADDRESS": address,
                "ETUDE_ORCHESTRATOR_DATA_DIR": str(data / str(number)),
                "ETUDE_ORCHESTRATOR_DATABASE_URL": postgres.url(_DATABASE),
                "ETUDE_ORCHESTRATOR_EXECUTOR_ID": f"load-{number}",
            }
            made.append(ServiceProcess("orchestrator", number, folder(f"orchestrator-{number}"), address, environment))
            start(made[-1])
        http_address = f"127.0.0.1:{ports[-1]}"
        environment = {
            **targets,
            "ETUDE_GATEWAY_ADDRESS": f"127.0.0.1:{ports[-2]}",
            "ETUDE_GATEWAY_HTTP_ADDRESS": http_address,
            "ETUDE_GATEWAY_RATE_LIMIT_PER_MINUTE": "0",
            "ETUDE_ORCHESTRATOR_TARGET": made[0].address,
        }
        gateway = ServiceProcess("gateway", 0, folder("gateway"), f"127.0.0.1:{ports[-2]}", environment)
        start(gateway)
        yield Servers(directory, postgres, made, gateway, http_address, journal)
