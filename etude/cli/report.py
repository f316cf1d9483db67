"""What became of a file, in a closing line for people or as JSON for programs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from etude.cli.doubts import Doubts, spans
from etude.cli.failures import describe
from etude.client.json_form import error_to_json, to_json
from etude.job.v1 import job_pb2
from etude.mesh.errors import EtudeError
from etude.wording import counted


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of a file.

    Attributes:
        file: The input.
        job: The finished job; None when there was none or it failed.
        doubts: What is doubtful, per piece or movement.
        outputs: Files written.
        replaced: How many of them were there before.
        error: Why it failed; None when it did not.
    """

    file: Path
    job: job_pb2.Job | None = None
    doubts: Sequence[Doubts] = ()
    outputs: Sequence[Path] = ()
    replaced: int = 0
    error: Exception | None = field(default=None, compare=False)

    def as_json(self) -> dict[str, Any]:
        """The report for programs."""
        error = self.error
        if error is not None and not isinstance(error, EtudeError):
            error = EtudeError("INTERNAL", describe(error))
        return {
            "file": str(self.file),
            "status": "failed" if error is not None else "completed",
            "job_id": self.job.job_id if self.job is not None else None,
            "summary": to_json(self.job.summary) if self.job is not None else None,
            "doubtful": [{"count": doubts.count, "measures": list(doubts.measures)} for doubts in self.doubts],
            "outputs": [str(path) for path in self.outputs],
            "error": error_to_json(error) if error is not None else None,
        }

    def as_text(self) -> str:
        """The report for people: what was read, what was doubtful, what was written."""
        if self.error is not None or self.job is None:
            return f"{self.file}: failed. {describe(self.error or EtudeError('INTERNAL', 'No job was made.'))}"
        lines = [f"{self.file}: {_read(self.job.summary)}. {self._written()}"]
        if doubtful := self._doubtful():
            lines.append(f"  Doubtful: {doubtful}.")
        lines += [f"  Note: {remark}" for remark in self.job.summary.remarks]
        return "\n".join(lines)

    def _written(self) -> str:
        if not self.outputs:
            return "Nothing was written."
        where = self.outputs[0].parent
        replaced = f", {self.replaced} of them replaced" if self.replaced else ""
        return f"{counted(len(self.outputs), 'file')} in {where}{replaced}."

    def _doubtful(self) -> str:
        parts = []
        for number, doubts in enumerate(self.doubts, start=1):
            if not doubts.count:
                continue
            places = counted(doubts.count, "place")
            text = f"measure{'s' if len(doubts.measures) != 1 else ''} {spans(doubts.measures)} ({places})"
            text = text if doubts.measures else places
            parts.append(f"movement {number}: {text}" if len(self.doubts) > 1 else text)
        return "; ".join(parts)


def _read(summary: job_pb2.JobSummary) -> str:
    pages = counted(summary.pages_read, "page")
    if summary.pages_read != summary.page_count:
        pages = f"{summary.pages_read} of {counted(summary.page_count, 'page')}"
    read = [f"read {pages}" if summary.page_count else "imported"]
    if summary.score_count > 1:
        read.append(counted(summary.score_count, "movement"))
    read += [counted(summary.measure_count, "measure"), counted(summary.note_count, "note")]
    fingered = "all" if summary.fingered_note_count == summary.note_count else f"{summary.fingered_note_count:,}"
    return f"{', '.join(read)}, {fingered} fingered"
