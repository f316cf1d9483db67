"""etude eval omr."""

import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from etude.cli.connection import run
from etude.cli.evaluating import Plan, evaluate_pairs, musicxml_of
from etude.cli.outputs import check_directory, check_file, write_report
from etude.cli.progress import progress_display
from etude.evaluation.differences import worst_bars
from etude.evaluation.evaluate import read_truths
from etude.evaluation.files import Referee, UnreadableFileError
from etude.evaluation.musicdiff import has_musicdiff
from etude.evaluation.pairs import Pair, PairsError, find_pairs
from etude.evaluation.piece import Piece, totals
from etude.evaluation.table import figures_text
from etude.evaluation.words import difference_lines
from etude.stage.v1 import omr_service_pb2

EXAMPLES = """
\b
Examples:
  etude eval omr scans/                                 each PDF or picture there with its truth
  etude eval omr mine.musicxml:truth.musicxml
  etude eval omr pairs.tsv --html report.html           lines truth<TAB>reading
  etude eval omr scans/ --referee omr_score.py --json   truth in **kern
"""
_READERS = {
    "auto": omr_service_pb2.READER_MODE_AUTO,
    "engraved": omr_service_pb2.READER_MODE_ENGRAVED,
    "scan": omr_service_pb2.READER_MODE_SCAN,
}


@click.command(epilog=EXAMPLES)
@click.argument("pairs", nargs=-1, required=True)
@click.option("--match", default="", metavar="TEXT", help="Only pairs whose name holds this.")
@click.option(
    "--referee",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A Python program whose read_score reads truth in **kern. It is run as code: name one you trust.",
)
@click.option("--reader", type=click.Choice(list(_READERS)), default="auto", show_default=True, help="For documents.")
@click.option(
    "--musicdiff",
    default="",
    metavar="PYTHON|none",
    help="Python that has musicdiff, for OMR-NED.  [default: this one, if it has]",
)
@click.option("--worst", type=click.IntRange(min=0), default=10, show_default=True, help="How many bars to show.")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Keep MusicXML of documents read here.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a report to look at.")
@click.option("--json", "as_json", is_flag=True, help="As JSON; ratios from 0 to 1.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@click.pass_context
def omr(
    ctx: click.Context,
    pairs: tuple[str, ...],
    match: str,
    referee: Path | None,
    reader: str,
    musicdiff: str,
    worst: int,
    keep: Path | None,
    html: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Say how well sheet music was read.

    PAIRS are folders of documents (PDF, pictures) with their truth beside them (.musicxml, .mxl, .xml or .krn of the
    same name), pairs READING:TRUTH, or tables (.tsv) with a line truth<TAB>reading each. A reading is a document, which
    is read now, MusicXML, or a Score (ir_v1.json). One that cannot be read counts as empty.

    \b
    pitch     staff and key, anywhere in the bar
    onset     staff, key and onset in the bar: the main figure
    full      staff, key, onset and duration
    spelling  staff, step, alteration, octave
    grace     grace notes; tie: notes that start a tie
    perfect   bars with the same notes by full; wholly: with the same marks, too

    Bars are aligned one to one for the greatest likeness; notes of other bars are missed or too much. Marks are counted
    where kind, content and place are the same, and, in the last column, where they are in the same bar.
    """
    if html:
        check_file(html)
    if keep:
        check_directory(keep)
    chosen, truths, judge = _chosen(pairs, match, referee)
    python = "" if musicdiff == "none" else musicdiff or sys.executable
    if python and not has_musicdiff(python):
        if musicdiff:
            raise click.UsageError(f"{musicdiff} is no Python that has musicdiff.")
        python = ""
    with ExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="etude-eval-")))
        plan = Plan(
            truths=[(pair, truths[pair]) for pair in chosen],
            reader=_READERS[reader],
            referee=judge,
            folder=folder,
            musicdiff=python,
            musicxml=bool(keep or python or html),
        )
        with progress_display(quiet=quiet or as_json) as display:
            pieces = run(evaluate_pairs(plan, display), verbose=ctx.obj["verbose"])
        if html:
            write_report(html, _report(plan, pieces, worst))
        if as_json:
            click.echo(json.dumps(_as_json(pieces, worst), indent=1, ensure_ascii=False))
        else:
            click.echo(figures_text(pieces, totals(pieces), worst_bars(pieces, worst)))


def _chosen(named: Sequence[str], match: str, referee: Path | None) -> tuple[list[Pair], dict[Pair, Any], Any]:
    """The pairs to evaluate, their truths, the referee."""
    try:
        judge = Referee(referee) if referee else None
    except UnreadableFileError as error:
        raise click.UsageError(f"{referee}: {error}") from error
    try:
        chosen = [pair for pair in find_pairs(named) if match in pair.name]
    except PairsError as error:
        raise click.UsageError(str(error)) from error
    if not chosen:
        raise click.UsageError(f"no pair has {match!r} in its name")
    try:
        return chosen, read_truths(chosen, judge), judge
    except UnreadableFileError as error:
        raise click.UsageError(f"some truth cannot be used.\n{error}") from error


def _report(plan: Plan, pieces: Sequence[Piece], worst: int) -> str:
    # Imported here: figures alone need none of it.
    from etude.evaluation.report import report_html

    return report_html(
        pieces,
        totals(pieces),
        worst_bars(pieces, worst),
        lambda piece, movement: musicxml_of(plan, piece.name, piece.pred_path, movement),
        "How well the music was read",
    )


def _as_json(pieces: Sequence[Piece], worst: int) -> dict[str, Any]:
    bars = [
        {"piece": each.piece.name, "bar": each.name, "notes_wrong": each.cost[0], "what": difference_lines(each)}
        for each in worst_bars(pieces, worst)
    ]
    return {"pieces": [piece.as_json() for piece in pieces], **totals(pieces), "worst_bars": bars}
