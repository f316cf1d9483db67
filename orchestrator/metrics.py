"""Prometheus metrics of jobs and stages."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)

JOBS_CREATED = Counter("etude_jobs_created", "Jobs accepted.")
JOBS_RESTED = Counter("etude_jobs_rested", "Jobs that came to rest, by the state they came to rest in.", ("state",))
QUEUE_SECONDS = Histogram("etude_job_queue_seconds", "From a job's creation to its first stage.", buckets=_SECONDS)
STAGE_SECONDS = Histogram(
    "etude_stage_seconds", "Seconds a stage took, by outcome.", ("stage", "outcome"), buckets=_SECONDS
)
STAGES_RUNNING = Gauge("etude_stages_running", "Stages running now.", ("stage",))
PAGES_READ = Counter("etude_pages_read", "Pages of documents, by what became of them.", ("outcome",))
