"""Measures a correction as a client meets it: `python -m bench.correction [PDF] [--runs N]`.

An embedded mesh reads, fingers and renders a four-page PDF; then fingers are pinned, one call of UpdateFingering each,
timed from the call to its answer: a new Score and all renderings are stored by then. At the end the same PDF is read
again by a new job that takes the pins over. Figures go to bench/results/correction.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.accounted import descendants, parents_now
from etude.cli.connection import connect, run
from etude.client import AsyncEtudeClient, job_options
from etude.job.v1 import artifact_service_pb2, job_pb2
from etude.notation import io as score_io
from etude.score.v1 import event_pb2, fingering_pb2, score_pb2
from etude.stage.v1 import fingering_service_pb2

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "bench" / "results" / "correction.json"
PINNED = fingering_pb2.FINGERING_SOURCE_PINNED


def cpu_seconds() -> float:
    """CPU time so far of this process and of all it has started: the mesh's services and their workers."""
    ticks = 0
    for pid in descendants(parents_now(), os.getpid()):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


async def latest_score(client: AsyncEtudeClient, job_id: str, folder: Path) -> score_pb2.Score:
    """The first piece of a job, as fingered last."""
    kind = artifact_service_pb2.ARTIFACT_KIND_IR_V2
    found = [a async for a in client.artifacts(job_id) if a.kind == kind and a.score_index == 0]
    path = await client.download(max(found, key=lambda a: a.revision), folder / "score.json")
    return score_io.from_json(path.read_bytes())


def candidates(score: score_pb2.Score, count: int) -> list[tuple[event_pb2.Note, int]]:
    """Single notes all over the piece, with a finger the model holds possible but did not choose."""
    notes = [e.notes[0] for e in score.events if len(e.notes) == 1 and e.notes[0].fingering.alternatives]
    chosen = notes[len(notes) // (2 * count) :: max(1, len(notes) // count)][:count]
    return [(note, note.fingering.alternatives[0].finger) for note in chosen]


async def finished(client: AsyncEtudeClient, pdf: Path, pins_from: str = "") -> job_pb2.Job:
    """A job on a document, done.

    Raises:
        RuntimeError: It did not complete.
    """
    job = await client.create_job(pdf, job_options(pins_from_job_id=pins_from))
    async for _ in client.watch_job(job.job_id):
        pass
    job = await client.get_job(job.job_id)
    if job.state != job_pb2.JOB_STATE_COMPLETED:
        raise RuntimeError(f"the job failed: {job.error.message}")
    return job


async def measure(pdf: Path, runs: int) -> dict[str, Any]:
    """The figures for one document."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch:
        async with connect("", Path(scratch) / "data") as client:
            job = await finished(client, pdf)
            score = await latest_score(client, job.job_id, Path(scratch))
            seconds: list[float] = []
            cpu: list[float] = []
            changed: list[int] = []
            for note, finger in candidates(score, runs):
                pin = fingering_service_pb2.PinnedFingering(note_id=note.note_id, finger=finger)
                begin, begin_cpu = time.perf_counter(), cpu_seconds()
                answer = await client.update_fingering(job.job_id, [pin])
                seconds.append(time.perf_counter() - begin)
                cpu.append(cpu_seconds() - begin_cpu)
                changed.append(len(answer.changed_note_ids))
            again = await finished(client, pdf, job.job_id)
            kept = await latest_score(client, again.job_id, Path(scratch))
    held = sum(n.fingering.source == PINNED for e in kept.events for n in e.notes)
    return {
        "document": pdf.name,
        "pages": job.summary.page_count,
        "notes": job.summary.note_count,
        "corrections": len(seconds),
        "seconds_median": round(statistics.median(seconds), 3),
        "seconds_first": round(seconds[0], 3),
        "seconds_most": round(max(seconds), 3),
        "cpu_seconds_median": round(statistics.median(cpu), 3),
        "load_before": round(load, 1),
        "notes_changed_median": statistics.median(changed),
        "pins_held_after_reading_again": held,
        "remarks": list(again.summary.remarks),
    }


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pdf", nargs="?", type=Path, default=ROOT / "examples" / "chopin-etude-op25-no2.pdf")
    parser.add_argument("--runs", type=int, default=9)
    args = parser.parse_args()
    figures = run(measure(args.pdf, args.runs), verbose=False)
    print(json.dumps(figures, indent=1))
    RESULT.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
