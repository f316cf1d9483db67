"""etude playability: what it takes to play a fingered Score."""

from collections import Counter
from pathlib import Path

import click
from google.protobuf import json_format

from etude.notation.io import ScoreFormatError, from_json
from etude.notation.measures import measure_name
from etude.score.v1 import fingering_pb2, score_pb2

_HANDS = {fingering_pb2.HAND_RIGHT: "right", fingering_pb2.HAND_LEFT: "left"}


@click.command(short_help="Show how hard a fingered score is, and where.")
@click.argument("score", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def playability(score: Path, as_json: bool) -> None:
    """Show spans, jumps, awkward places by measure and the difficulty of SCORE, an ir_v2.json.

    `etude annotate sonata.pdf --formats ir_v2 -o out` makes one.
    """
    try:
        read = from_json(score.read_bytes())
    except ScoreFormatError as error:
        raise click.ClickException(
            f"{score} is not an ir_v2.json; `etude annotate FILE --formats ir_v2` makes one of a PDF, a picture, "
            f"MusicXML or MIDI ({error})"
        ) from error
    if not read.HasField("playability"):
        raise click.ClickException(f"{score} has no playability report: it was not fingered, or by an older version")
    if as_json:
        click.echo(json_format.MessageToJson(read.playability, indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(playability_lines(read)))


def playability_lines(score: score_pb2.Score) -> list[str]:
    """The report in words: the whole piece, each hand, then the awkward places by measure."""
    report = score.playability
    difficulty = report.difficulty
    tempo = f"{difficulty.quarters_per_minute:g} quarter notes per minute"
    lines = [
        f"Difficulty: harder than {difficulty.percentile:.0f} % of the reference scores at {tempo}"
        + (" (assumed: the score names no tempo)." if difficulty.tempo_assumed else ".")
    ]
    for hand in report.hands:
        lines.append(
            f"{_HANDS[hand.hand].capitalize()} hand: {hand.struck_keys:,} keys, "
            f"at most {hand.strikes_per_second:.1f} strikes per second; "
            f"widest grip {hand.widest_span_semitones} semitones, widest jump {hand.widest_jump_semitones}."
        )
    places: dict[str, Counter[str]] = {}
    for spot in report.spots:
        number = measure_name(score.measures, spot.measure_index)
        places.setdefault(number, Counter())[f"{_HANDS[spot.hand]} hand: {spot.message}"] += 1
    lines += [
        f"Measure {number}: " + "; ".join(f"{text} ({n} times)" if n > 1 else text for text, n in found.items())
        for number, found in places.items()
    ]
    return lines if places else [*lines, "No awkward places."]
