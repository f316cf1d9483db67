"""Measures fingering: match rates on the corpus by the referee, grips and coverage on scores, speed.

    python bench/fingering.py corpus [--model NAME] [--split validation|train|all]
    python bench/fingering.py scores [--model NAME] [--every N]
    python bench/fingering.py speed [--model NAME]
    python bench/fingering.py pig --folder FingeringFiles [--model NAME]

The last one is the protocol of the PIG data set: pieces 001 to 030, all annotators of each.

Figures are printed and kept in bench/results/fingering_<what>_<model>.json. The data are looked for in
ETUDE_SHARED_DATA (default ../shared/data beside the checkout), the referee in ../tools beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from etude.evaluation.fingering.as_score import as_score
from etude.evaluation.fingering.notes import read_table as read_struck
from etude.score.v1 import fingering_pb2, provenance_pb2
from fingering_service.annotate import Options, annotate
from fingering_service.lines import MAX_KEYS, ONE_FINGER_SEMITONES
from fingering_service.models import FingeringModel, Registry
from fingering_service.profile import PROFILES
from fingering_service.training.corpus import read_manifest
from fingering_service.training.kern import KernError, read_kern
from fingering_service.training.pig import read_pig, write_pig
from fingering_service.training.predict import predict
from fingering_service.training.tables import Table, read_table, table_text, write_table

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("ETUDE_SHARED_DATA", ROOT.parent / "shared" / "data"))
REFEREE = DATA.parent / "tools" / "fingering_score.py"
RESULTS = ROOT / "bench" / "results"
SPAN = PROFILES["M"].max_span
"""Widest chord of one hand, in semitones: a medium hand's and the referee's."""
GRIPS = ("chords", "same_finger", "crossing", "stretch")
WIDE = (
    "as_written",
    "as_written_each_key_once",
    "as_played",
    "as_played_within_a_large_hand_s_17",
    "not_wide_as_written",
    "two_hands_could_strike",
    "without_a_doubt_that_says_so",
)


def referee(pairs: Sequence[tuple[str | Path, Path, str]], folder: Path) -> dict[str, Any]:
    """The referee's figures for (truth, prediction, name) triples."""
    listing = folder / "pairs.tsv"
    listing.write_text("".join(f"{t}\t{p}\t{n}\n" for t, p, n in pairs), encoding="utf-8")
    command = [sys.executable, str(REFEREE), "--pairs", str(listing), "--json"]
    figures: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return figures


def corpus(model: FingeringModel, split: str) -> dict[str, Any]:
    """Match rates on the pieces of a split."""
    folder = DATA / "fingering_train"
    pieces = [p for p in read_manifest(folder) if split in (p.split, "all")]
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        pairs = []
        for piece in pieces:
            truth = folder / f"{piece.name}.tsv"
            table = read_table(truth)
            write_table(out / truth.name, table, predict(table, model))
            pairs.append((truth, out / truth.name, piece.name))
        figures = referee(pairs, out)
    return {"split": split, "pieces": len(pieces), **{k: figures[k] for k in ("macro", "micro", "counts")}}


def fingered_by_the_service(table: Table, model: FingeringModel) -> tuple[Table, list[int], list[frozenset[int]]]:
    """The table as the service plays it, from a Score without fingers or hands.

    Returns:
        The table with the hands that the service gives; a finger for each note (0 for continuations of ties); and the
        notes of each doubt that tells of keys beyond reach, by index in the table.
    """
    struck = [index for index, note in enumerate(table.notes) if not note.tied]
    text = "\n".join(table_text(table, [0] * len(table.notes)))
    score = as_score(read_struck(text))
    for event in score.events:
        event.voice = int(table.notes[struck[int(event.event_id[1:])]].voice)
        for note in event.notes:
            note.ClearField("hand")
    result = annotate(score, model, Options()).score
    notes, fingers = list(table.notes), [0] * len(table.notes)
    for event in result.events:
        for note in event.notes:
            index = struck[int(note.note_id[1:])]
            hand = "R" if note.hand == fingering_pb2.HAND_RIGHT else "L"
            notes[index], fingers[index] = replace(notes[index], hand=hand), note.fingering.finger
    beyond = [
        frozenset(struck[int(i[1:])] for i in doubt.ids)
        for doubt in result.doubts
        if doubt.kind == provenance_pb2.DOUBT_KIND_UNREACHABLE
    ]
    return Table(table.header, tuple(notes)), fingers, beyond


def chords_of(table: Table) -> dict[tuple[Fraction, str], list[int]]:
    """The notes that each hand strikes at each onset, by index in the table; grace notes are left out."""
    chords: dict[tuple[Fraction, str], list[int]] = defaultdict(list)
    for index, note in enumerate(table.notes):
        if not note.grace and not note.tied:
            chords[note.onset, note.hand].append(index)
    return chords


def span(table: Table, indices: Sequence[int]) -> int:
    """Semitones from the lowest to the highest key."""
    keys = [table.notes[i].midi for i in indices]
    return max(keys) - min(keys)


def two_hands_could_strike(keys: Sequence[int]) -> bool:
    """Whether some sharing of the keys between two medium hands would let both strike at once."""

    def fits(own: Sequence[int]) -> bool:
        return not own or (own[-1] - own[0] <= SPAN and len(own) <= MAX_KEYS)

    rising = sorted(set(keys))
    return any(fits(rising[:cut]) and fits(rising[cut:]) for cut in range(len(rising) + 1))


def each_key_once(table: Table) -> Table:
    """The table without the second of two noteheads of one key at one onset, as the referee reads it."""
    seen: set[tuple[Fraction, int]] = set()
    kept = []
    for note in table.notes:
        key = (note.onset, note.midi)
        if note.grace or note.tied or key not in seen:
            kept.append(note)
        if not note.grace and not note.tied:
            seen.add(key)
    return Table(table.header, tuple(kept))


def meeting_thumbs(written: Table, played: Table, fingers: Sequence[int]) -> int:
    """Chords of one staff, no wider than a hand, in which both hands' thumbs lie next to each other, on keys apart."""
    found = 0
    for notes in chords_of(written).values():
        thumbs = {played.notes[i].hand: written.notes[i].midi for i in notes if fingers[i] == 1}
        apart = len(thumbs) == 2 and abs(thumbs["R"] - thumbs["L"]) > ONE_FINGER_SEMITONES
        found += apart and span(written, notes) <= SPAN
    return found


def wide_chords(written: Table, played: Table, beyond: Sequence[frozenset[int]]) -> Counter[str]:
    """Chords of one hand beyond a medium hand's reach: as they are written, as they are played, and what was done."""
    as_written, as_played = chords_of(written), chords_of(played)
    wide_onsets = {onset for (onset, _), notes in as_written.items() if span(written, notes) > SPAN}
    found: Counter[str] = Counter()
    found["as_written"] = sum(span(written, notes) > SPAN for notes in as_written.values())
    once = each_key_once(written)
    found["as_written_each_key_once"] = sum(span(once, notes) > SPAN for notes in chords_of(once).values())
    for (onset, _), notes in as_played.items():
        width = span(played, notes)
        if width > SPAN:
            both = [played.notes[i].midi for hand in "RL" for i in as_played.get((onset, hand), ())]
            found["as_played"] += 1
            found["as_played_within_a_large_hand_s_17"] += width <= PROFILES["L"].max_span
            found["not_wide_as_written"] += onset not in wide_onsets
            found["two_hands_could_strike"] += two_hands_could_strike(both)
            found["without_a_doubt_that_says_so"] += not any(doubt.issuperset(notes) for doubt in beyond)
    return found


def scores(model: FingeringModel, files: Sequence[Path]) -> dict[str, Any]:
    """Coverage and impossible grips on all scores, each kind by itself, and why there are such as there are.

    Crossed fingers and one finger on keys apart would be the service's faults, by the hands that play and by the staves
    that the notes are written on; there both thumbs may meet, where each hand has all it can strike. A chord wider than
    a hand is the page's: what is checked is that it is wide as written, that two hands could not share it, and that a
    doubt tells of it.
    """
    unread: list[str] = []
    by_hand, by_staff = [], []
    wide: Counter[str] = Counter()
    thumbs = 0
    seconds = 0.0
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        for number, path in enumerate(files):
            try:
                written = read_kern(path.read_text(encoding="utf-8"))
            except KernError as error:
                unread.append(f"{path.name}: {error}")
                continue
            begin = time.process_time()
            played, fingers, beyond = fingered_by_the_service(written, model)
            seconds += time.process_time() - begin
            wide += wide_chords(written, played, beyond)
            thumbs += meeting_thumbs(written, played, fingers)
            guess, blank = out / f"{number}.tsv", [0] * len(written.notes)
            write_table(guess, played, fingers)
            for table, pairs, kind in ((played, by_hand, "hand"), (written, by_staff, "staff")):
                truth = out / f"{number}.{kind}.tsv"
                write_table(truth, table, blank)
                pairs.append((truth, guess, path.stem))
        figures, staves = referee(by_hand, out), referee(by_staff, out)
    grips, on_staves = ({name: found["counts"][name] for name in GRIPS} for found in (figures, staves))
    chords = {name: wide[name] for name in WIDE}
    return {
        "scores": len(files),
        "read": len(by_hand),
        "unread": unread,
        "notes": figures["counts"]["notes"],
        "coverage": figures["micro"]["cover"],
        "grips_by_hand_that_plays": grips,
        "grips_by_written_staff": on_staves,
        "thumbs_of_both_hands_that_meet_on_a_staff": thumbs,
        "chords_wider_than_15_semitones": chords,
        "checked": {
            "every note has a finger": figures["micro"]["cover"] == 1,
            "no fingers cross, none strikes keys apart": grips["crossing"] == grips["same_finger"] == 0,
            "all grips that the referee calls impossible are chords wider than its span": (
                grips["stretch"] == chords["as_played"]
            ),
            "all of these are as wide on the page": chords["not_wide_as_written"] == 0,
            "none could be shared by two hands": chords["two_hands_could_strike"] == 0,
            "all have a doubt that says so": chords["without_a_doubt_that_says_so"] == 0,
            "by written staff no fingers cross": on_staves["crossing"] == 0,
            "by written staff none strikes keys apart but where both thumbs meet": (on_staves["same_finger"] == thumbs),
            "by written staff chords are too wide where they are written so": (
                on_staves["stretch"] == chords["as_written_each_key_once"]
            ),
        },
        "notes_per_cpu_second": round(figures["counts"]["notes"] / seconds),
    }


def pig(model: FingeringModel, folder: Path) -> dict[str, Any]:
    """General, high, soft and recombination match rates on pieces 001-030 of the PIG data set."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        pairs: list[tuple[str | Path, Path, str]] = []
        for number in range(1, 31):
            annotators = sorted(folder.glob(f"{number:03d}-*_fingering.txt"))
            if annotators:
                text = annotators[0].read_text(encoding="utf-8")
                guess = out / f"{number:03d}.txt"
                write_pig(guess, text, predict(read_pig(text), model))
                pairs.append((",".join(map(str, annotators)), guess, guess.stem))
        figures = referee(pairs, out)
    return {"pieces": len(pairs), **{k: figures[k] for k in ("macro", "micro", "counts")}}


def speed(model: FingeringModel) -> dict[str, Any]:
    """Notes per second on the longest pieces of the corpus, and peak memory."""
    folder = DATA / "fingering_train"
    pieces = sorted(read_manifest(folder), key=lambda p: -p.notes)[:10]
    predict(read_table(folder / f"{pieces[-1].name}.tsv"), model)
    notes, seconds = 0, 0.0
    for piece in pieces:
        table = read_table(folder / f"{piece.name}.tsv")
        begin = time.process_time()
        predict(table, model)
        seconds += time.process_time() - begin
        notes += len(table.notes)
    return {
        "notes": notes,
        "cpu_seconds": round(seconds, 3),
        "notes_per_second": round(notes / seconds),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("corpus", "scores", "speed", "pig"))
    parser.add_argument("--model", default="", help="name of the model; the default one when not given")
    parser.add_argument("--split", default="validation", choices=("validation", "train", "all"))
    parser.add_argument("--every", type=int, default=1, help="take one of so many scores")
    parser.add_argument(
        "--folder", type=Path, default=Path("FingeringFiles"), help="fingering files of the PIG data set"
    )
    args = parser.parse_args()
    if not REFEREE.exists():
        print(f"no referee at {REFEREE}; set ETUDE_SHARED_DATA", file=sys.stderr)
        return 2
    model = Registry.load().find(args.model)
    figures = {
        "corpus": lambda: corpus(model, args.split),
        "scores": lambda: scores(model, sorted((DATA / "scores").glob("*/*.krn"))[:: args.every]),
        "speed": lambda: speed(model),
        "pig": lambda: pig(model, args.folder),
    }[args.what]()
    figures = {"model": model.name, "version": model.version, "digest": model.digest, **figures}
    text = json.dumps(figures, indent=1)
    print(text)
    RESULTS.mkdir(exist_ok=True)
    suffix = "" if args.split == "validation" else f"_{args.split}"
    suffix += f"_every_{args.every}" if args.every > 1 else ""
    (RESULTS / f"fingering_{args.what}_{model.name}{suffix}.json").write_text(text + "\n", encoding="utf-8")
    return 0 if all(figures.get("checked", {}).values()) else 1


if __name__ == "__main__":
    sys.exit(main())
