"""Progress of jobs on standard error: bars on a terminal, lines elsewhere."""

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol, Self

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from etude.job.v1 import job_pb2
from etude.stage.v1 import stage_pb2

_VERBS = {"omr": "reading", "fingering": "fingering", "rendering": "engraving"}


class JobProgress(Protocol):
    """Shows how far one file is."""

    def on_event(self, event: job_pb2.JobEvent) -> None:
        """Takes note of an event of the file's job."""

    def finish(self) -> None:
        """The file is done, well or not."""


class ProgressDisplay(AbstractContextManager["ProgressDisplay"], Protocol):
    """Shows how far several files are."""

    def begin(self, name: str, text: str = "waiting") -> JobProgress:
        """A file begins; `text` is what is said of it until its job says something."""

    def say(self, text: str) -> None:
        """Writes a line that stays to standard error."""

    def report(self, text: str) -> None:
        """Writes a line that stays to standard output."""


def stage_text(progress: stage_pb2.Progress) -> str:
    """The stage and page in words.

    >>> stage_text(stage_pb2.Progress(stage="omr", page=2, page_count=4))
    'reading page 2 of 4'
    >>> stage_text(stage_pb2.Progress(stage="omr", page_count=4, message="joining the pages"))
    'reading: joining the pages'
    """
    verb = _VERBS.get(progress.stage, progress.stage)
    if not progress.page_count:
        return verb
    if progress.page:
        return f"{verb} page {progress.page} of {progress.page_count}"
    return f"{verb}: {progress.message}" if progress.message else verb


class _Silent:
    """Shows no progress, and says what stays on standard error."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def begin(self, name: str, text: str = "waiting") -> JobProgress:
        return _SilentJob()

    def say(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def report(self, text: str) -> None:
        click.echo(text)


class _SilentJob:
    def on_event(self, event: job_pb2.JobEvent) -> None:
        return

    def finish(self) -> None:
        return


class _Lines(_Silent):
    """A line per stage and page."""

    def begin(self, name: str, text: str = "waiting") -> JobProgress:
        return _LinesJob(self, name)


class _LinesJob:
    def __init__(self, display: _Lines, name: str) -> None:
        self.display = display
        self.name = name
        self.last = ""

    def on_event(self, event: job_pb2.JobEvent) -> None:
        if event.kind != job_pb2.JOB_EVENT_KIND_PROGRESS:
            return
        text = stage_text(event.progress)
        if text != self.last:
            self.last = text
            self.display.say(f"{self.name}: {text}")

    def finish(self) -> None:
        return


class _Bars:
    """A bar per file, for the stage it is in."""

    def __init__(self, console: Console) -> None:
        self.bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[name]}", markup=False),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )

    def __enter__(self) -> Self:
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bars.stop()

    def begin(self, name: str, text: str = "waiting") -> JobProgress:
        return _BarsJob(self.bars, self.bars.add_task(text, total=1.0, name=name))

    def say(self, text: str) -> None:
        self.bars.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def report(self, text: str) -> None:
        # Both streams may be the same terminal, where the bars must not be in the way.
        self.bars.stop()
        click.echo(text)
        self.bars.start()


class _BarsJob:
    def __init__(self, bars: Progress, task: TaskID) -> None:
        self.bars = bars
        self.task = task

    def on_event(self, event: job_pb2.JobEvent) -> None:
        if event.kind == job_pb2.JOB_EVENT_KIND_PROGRESS:
            text = stage_text(event.progress)
            self.bars.update(self.task, description=text, completed=event.progress.fraction)

    def finish(self) -> None:
        self.bars.remove_task(self.task)


def progress_display(*, quiet: bool) -> ProgressDisplay:
    """Bars on a terminal, lines where standard error goes elsewhere, nothing but `say` when quiet."""
    console = Console(stderr=True)
    if quiet:
        return _Silent(console)
    return _Bars(console) if console.is_terminal else _Lines(console)
