"""Memory of the fingering service: starts it, has it finger a Score, reads what its processes take.

    python -m bench.fingering_memory SCORE.musicxml

Resident memory is /proc's VmHWM, the most a process ever had; pages that processes share are counted in each. The
proportional share (Pss) splits them. Figures go to bench/results/fingering_memory.json.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import grpc

from bench.fingering import RESULTS
from etude.notation.musicxml import read_musicxml
from etude.production.ports import free_ports
from etude.stage.v1 import fingering_service_pb2
from etude.stage.v1.fingering_service_pb2_grpc import FingeringServiceStub


def kilobytes(path: Path, field: str) -> int:
    """A field of a file such as /proc/PID/status, in kB."""
    found = re.search(rf"^{field}:\s+(\d+) kB", path.read_text(), re.M)
    return int(found[1]) if found else 0


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        parents[int(folder.name)] = int(fields[1])
    found = [pid]
    for member in found:
        found += [child for child, parent in parents.items() if parent == member]
    return found


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("score", type=Path)
    args = parser.parse_args()
    score = read_musicxml(args.score.read_bytes())
    address = f"127.0.0.1:{free_ports(1)[0]}"
    environment = {**os.environ, "ETUDE_FINGERING_ADDRESS": address, "ETUDE_FINGERING_WORKERS": "1"}
    begin = time.perf_counter()
    with subprocess.Popen([sys.executable, "-m", "fingering_service"], env=environment) as server:
        try:
            with grpc.insecure_channel(address) as channel:
                grpc.channel_ready_future(channel).result(timeout=60)
                ready = time.perf_counter() - begin
                request = fingering_service_pb2.AnnotateRequest(score=score)
                for _ in FingeringServiceStub(channel).Annotate(request, timeout=300):
                    pass
            processes = [Path("/proc") / str(pid) for pid in family(server.pid)]
            result = {
                "notes": sum(len(event.notes) for event in score.events),
                "processes": len(processes),
                "peak_resident_mb_of_each": [round(kilobytes(p / "status", "VmHWM") / 1024) for p in processes],
                "proportional_mb_together": round(sum(kilobytes(p / "smaps_rollup", "Pss") for p in processes) / 1024),
                "seconds_to_ready": round(ready, 2),
            }
        finally:
            server.terminate()
    print(json.dumps(result, indent=1))
    (RESULTS / "fingering_memory.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
