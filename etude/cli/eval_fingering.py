"""etude eval fingering."""

import json
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from etude.cli.connection import run
from etude.cli.outputs import check_file, write_report
from etude.cli.progress import ProgressDisplay, progress_display
from etude.cli.stages import stage_calls
from etude.evaluation.files import UnreadableFileError
from etude.evaluation.fingering.as_score import as_score, with_fingers
from etude.evaluation.fingering.figures import figures_of, totals
from etude.evaluation.fingering.notes import StruckNote, read_file
from etude.evaluation.fingering.pieces import FingeredPiece, find_pieces
from etude.evaluation.fingering.report import JudgedPiece, fingering_html
from etude.evaluation.fingering.stretches import compared_notes
from etude.evaluation.fingering.table import fingering_text
from etude.evaluation.pairs import PairsError

EXAMPLES = """
\b
Examples:
  etude eval fingering corpus/                        tables with a manifest: its validation pieces
  etude eval fingering FingeringFiles/                the PIG data set: its test pieces, all annotators
  etude eval fingering mine.musicxml:truth.tsv        fingers that are there already
  etude eval fingering corpus/ --model ergonomic --json
  etude eval fingering corpus/ --html report.html     with the stretches in which they differ
"""
_TOGETHER = Fraction(3, 100)
"""Seconds within which notes of a performance are struck together."""
_GIVEN = "as given"

Annotators = list[list[StruckNote]]


@click.command(epilog=EXAMPLES)
@click.argument("pieces", nargs=-1, required=True)
@click.option("--model", "models", multiple=True, metavar="NAME", help="Only this model; can be given several times.")
@click.option("--split", default="validation", show_default=True, help="Split of a folder with a manifest; or all.")
@click.option("--match", default="", metavar="TEXT", help="Only pieces whose name holds this.")
@click.option("--worst", type=click.IntRange(min=0), default=10, show_default=True, help="Stretches in the report.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a report to look at.")
@click.option("--json", "as_json", is_flag=True, help="As JSON; rates from 0 to 1.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@click.pass_context
def fingering(
    ctx: click.Context,
    pieces: tuple[str, ...],
    models: tuple[str, ...],
    split: str,
    match: str,
    worst: int,
    html: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Say how well music is fingered.

    PIECES are files with the fingers of an edition or annotator (fingering tables .tsv, PIG text .txt, MusicXML,
    Scores), folders of them, or PREDICTION:TRUTH[,TRUTH...] for fingers that are there already. All models of the
    fingering stage are asked, and stand beside a constant finger, the one of five that is right most often.

    \b
    gen      share of labelled notes with the annotator's finger; single, chord, grace, R, L: of a part of the notes
    cover    share of notes that got a finger
    imposs   share of fingered chords that no hand can play
    high, soft, rec   with several annotators: Nakamura, Saito and Yoshii (2020)
    """
    if html:
        check_file(html)
    try:
        chosen = [piece for piece in find_pieces(pieces, split) if match in piece.name]
    except PairsError as error:
        raise click.UsageError(str(error)) from error
    if not chosen:
        raise click.UsageError(f"no piece has {match!r} in its name")
    truths = _truths(chosen)
    with progress_display(quiet=quiet or as_json) as display:
        judged = run(_judged(chosen, truths, models, display), verbose=ctx.obj["verbose"])
    if html:
        write_report(html, fingering_html(judged, worst))
    figures = {model: [piece.figures for piece in each] for model, each in judged.items()}
    total = {model: totals(each) for model, each in figures.items()}
    names = [piece.name for piece in chosen]
    if as_json:
        result = {
            model: {**total[model], "pieces": dict(zip(names, (p.as_json() for p in each), strict=True))}
            for model, each in figures.items()
        }
        click.echo(json.dumps(result, indent=1))
    else:
        click.echo(fingering_text(names, figures, total))


def _truths(pieces: Sequence[FingeredPiece]) -> list[Annotators]:
    """The notes of each annotator of each piece."""
    unusable: list[str] = []
    truths = []
    for piece in pieces:
        annotators: Annotators = []
        for path in piece.truths:
            try:
                annotators.append(read_file(path))
                if not any(note.finger for note in annotators[-1]):
                    raise UnreadableFileError("it holds no fingers")
            except (UnreadableFileError, OSError) as error:
                unusable.append(f"{path}: {error}")
        truths.append(annotators)
    if unusable:
        raise click.UsageError("some truth cannot be used.\n" + "\n".join(unusable))
    return truths


async def _judged(
    pieces: Sequence[FingeredPiece], truths: Sequence[Annotators], models: Sequence[str], display: ProgressDisplay
) -> dict[str, list[JudgedPiece]]:
    """By model, each piece as it fingered it; fingers that are there already are a model of their own."""
    if all(piece.prediction for piece in pieces):
        return {_GIVEN: [_judge(piece, truth, _given(piece)) for piece, truth in zip(pieces, truths, strict=True)]}
    if any(piece.prediction for piece in pieces):
        raise click.UsageError("give either pieces to finger or pairs PREDICTION:TRUTH, not both at once.")
    judged: dict[str, list[JudgedPiece]] = {}
    async with stage_calls("fingering") as stages:
        for model in models or await stages.fingering_models():
            progress = display.begin(model, "fingering")
            judged[model] = []
            for piece, truth in zip(pieces, truths, strict=True):
                asked = _asked(piece, truth[0])
                fingered = await stages.annotate(asked, model)
                judged[model].append(_judge(piece, truth, with_fingers(truth[0], fingered)))
            progress.finish()
    judged["constant"] = _constant(pieces, truths)
    return judged


def _judge(piece: FingeredPiece, truth: Annotators, prediction: Sequence[StruckNote]) -> JudgedPiece:
    figures, notes = figures_of(truth, prediction), compared_notes(truth, prediction)
    return JudgedPiece(piece.name, figures, notes, piece.in_seconds)


def _given(piece: FingeredPiece) -> list[StruckNote]:
    assert piece.prediction is not None  # the caller has seen to it
    try:
        return read_file(piece.prediction)
    except (UnreadableFileError, OSError) as error:
        raise click.UsageError(f"{piece.prediction}: {error}") from error


def _asked(piece: FingeredPiece, notes: Sequence[StruckNote]) -> Any:
    if piece.in_seconds:
        return as_score(notes, together=_TOGETHER, quarters_per_minute=60.0)
    return as_score(notes)


def _constant(pieces: Sequence[FingeredPiece], truths: Sequence[Annotators]) -> list[JudgedPiece]:
    """The pieces with one finger everywhere, the one with which the figures are best."""
    made = [
        [
            _judge(piece, truth, [replace(note, finger=str(finger)) for note in truth[0]])
            for piece, truth in zip(pieces, truths, strict=True)
        ]
        for finger in range(1, 6)
    ]
    return max(made, key=lambda each: totals([piece.figures for piece in each])["micro"]["gen"] or 0.0)
