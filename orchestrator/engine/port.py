"""The port to the durable-execution engine.

The engine owns no truth about jobs: states, artifacts and events are ours. It only sees to it that a job that was
submitted is driven through the pipeline to its end, over any number of processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from orchestrator.repositories.jobs import JobRef


@dataclass(frozen=True, slots=True)
class Run:
    """One driving of a job through the pipeline: the job, its attempt, and the epoch it is driven from."""

    ref: JobRef
    attempt: int
    epoch: int

    @property
    def run_id(self) -> str:
        """Id of the run; the same run submitted twice runs once."""
        return f"{self.ref.job_id}.{self.attempt}.{self.epoch}"


class StepFunction(Protocol):
    """What the engine calls for each step."""

    async def __call__(self, ref: JobRef, step_name: str) -> bool:
        """Run a step; True when the next one may follow. Safe to call again for the same step.

        When it raises, nothing could be noted, and it is called again after a pause.
        """
        ...


class Engine(Protocol):
    """Drives jobs."""

    async def start(self) -> None:
        """Begin to work, in the running event loop; runs left by a process of the same name that died go on."""
        ...

    async def submit(self, run: Run) -> None:
        """Drive a job whose row says that it is not at rest. Does nothing for a run that is under way.

        The engine may know nothing of a run whose process dies early: such jobs are looked for and revived.
        """
        ...

    async def revive(self, run: Run) -> bool:
        """Drive a job unless a run of it is unfinished, whatever became of earlier ones; True when it was needed."""
        ...

    async def pending(self) -> set[str]:
        """The ids of the jobs that have a run which has not ended."""
        ...

    async def adopt(self, executor_id: str) -> int:
        """Go on, here or in any living process, with the runs of a process of another name that died; their number."""
        ...

    def running(self) -> Sequence[str]:
        """The jobs with a step that runs in this process."""
        ...

    async def interrupt(self, job_id: str) -> None:
        """Cancel the step of a job that runs in this process, and wait until it has stopped."""
        ...

    async def forget(self, job_id: str) -> None:
        """Remove what is kept of the runs of a job."""
        ...

    async def stop(self) -> None:
        """Stop working; what runs is handed back, to be gone on with after the next start."""
        ...
