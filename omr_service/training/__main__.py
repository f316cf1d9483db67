"""From scores to the weights of the symbol detector.

    python -m omr_service.training engrave SCORES --out PDFS      engraves scores, with marks added
    python -m omr_service.training label PDFS --out PAGES         rasterises and labels engraved PDFs
    python -m omr_service.training fit PAGES --work WORK          trains, and writes weights and their card
    python -m omr_service.training evaluate PAGES                 measures weights on the pages held out
    python -m omr_service.training all SCORES --work WORK         all of it
    python -m omr_service.training digits FONTS ...               trains the reader of page numbers, from text faces

Scores are MusicXML, or Humdrum **kern with --kern-python. PDFs engraved elsewhere are as good, as long as the engraved
reader can read them; a name of the form ENGRAVER--SOURCE.pdf keeps all engravings of a source on one side when pages
are held out. Fitting goes on from a checkpoint in WORK, or from weights with --resume.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

from etude.mesh.errors import EtudeError
from omr_service.scan.detector import WEIGHTS
from omr_service.scan.numbers import WEIGHTS as NUMBERS
from omr_service.training.engrave import decorated, kern_to_musicxml, pdf_of_musicxml
from omr_service.training.musescore import pdf_of_musicxml as pdf_by_musescore
from omr_service.training.pages import prepare_document

ENGRAVERS = ("verovio", "musescore3", "musescore4")
SCORES = (".musicxml", ".xml", ".krn")


def _scores(folder: Path, kern_python: str | None, work: Path) -> Iterator[Path]:
    """The scores of a folder as MusicXML files."""
    for source in sorted(p for p in folder.rglob("*") if p.suffix in SCORES):
        if source.suffix != ".krn":
            yield source
            continue
        if kern_python is None:
            continue
        target = work / f"{source.stem.replace('.', '_')}.musicxml"
        try:
            kern_to_musicxml(kern_python, source, target)
        except subprocess.SubprocessError as error:
            print(f"left out {source.name}: {type(error).__name__}", file=sys.stderr)
            continue
        yield target


def engrave(args: argparse.Namespace) -> None:
    """Engraves every score with every engraver, and Verovio so often as there are seeds."""
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="etude-kern-") as work:
        for source in _scores(args.scores, args.kern_python, Path(work)):
            for engraver in args.engravers.split(","):
                for seed in range(args.seeds if engraver == "verovio" else 1):
                    out = args.out / f"{engraver}{seed}--{source.stem}.pdf"
                    if out.exists():
                        continue
                    rng = random.Random(f"{args.seed} {out.name}")
                    try:
                        musicxml = decorated(source, rng)
                        if engraver == "verovio":
                            pdf = pdf_of_musicxml(musicxml, rng, args.pages)
                        else:
                            pdf = pdf_by_musescore(musicxml, engraver, rng, args.webmscore)
                    except (ValueError, OSError, ET.ParseError, subprocess.SubprocessError) as error:
                        print(f"left out {out.name}: {error}", file=sys.stderr)
                        continue
                    out.write_bytes(pdf)
                    print(out.name, flush=True)


def label(args: argparse.Namespace) -> None:
    """Labels the pages of every PDF that has none yet."""
    args.out.mkdir(parents=True, exist_ok=True)
    for source in sorted(args.pdfs.rglob("*.pdf")):
        if any(args.out.glob(f"{source.stem}-*.masks.npy")):
            continue
        try:
            count = prepare_document(source.read_bytes(), source.stem, args.out)
        except EtudeError as error:
            print(f"left out {source.name}: {error.message}", file=sys.stderr)
            continue
        print(f"{source.name}\t{count}", flush=True)


def fit(args: argparse.Namespace) -> None:
    """Trains, measures, writes weights and card."""
    from omr_service.training.train import train

    card = train(args.pages, args.work, args.out, args.minutes, args.resume, args.threads, args.processes)
    print(json.dumps(card, indent=1))


def evaluate(args: argparse.Namespace) -> None:
    """Measures weights."""
    from omr_service.scan.detector import Detector
    from omr_service.training.evaluate import evaluate as measure

    print(
        json.dumps(measure(Detector(args.weights), args.pages, args.patches, foreign=args.foreign).summary(), indent=1)
    )


def everything(args: argparse.Namespace) -> None:
    """Engraves, labels, trains."""
    args.out, args.pdfs, out = args.work / "pdfs", args.work / "pdfs", args.out
    engrave(args)
    args.out = args.pages_folder = args.work / "pages"
    label(args)
    args.out, args.pages = out, args.pages_folder
    fit(args)


def digits(args: argparse.Namespace) -> None:
    """Trains what reads page numbers."""
    from omr_service.training.digits import train as train_digits

    card = train_digits(args.fonts, args.out, args.signs, args.passes)
    print(json.dumps(card["held_out"]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m omr_service.training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True)
    scores = argparse.ArgumentParser(add_help=False)
    scores.add_argument("scores", type=Path, help="folder of MusicXML or **kern files")
    scores.add_argument("--kern-python", help="interpreter of an environment with converter21, to take **kern")
    scores.add_argument("--engravers", default="verovio", help=f"of {','.join(ENGRAVERS)}")
    scores.add_argument("--webmscore", type=Path, help="folder in which npm installed webmscore, for musescore4")
    scores.add_argument("--seeds", type=int, default=2, help="how often Verovio engraves a score, each time otherwise")
    scores.add_argument("--seed", type=int, default=1, help="of everything random in engraving")
    fitting = argparse.ArgumentParser(add_help=False)
    fitting.add_argument("--work", type=Path, required=True, help="folder for checkpoints and what is in between")
    fitting.add_argument("--out", type=Path, default=WEIGHTS.parent, help="folder for the weights and their card")
    fitting.add_argument("--minutes", type=float, default=80.0, help="how long to train, earlier runs included")
    fitting.add_argument("--resume", type=Path, help="weights to start from, as shipped")
    fitting.add_argument("--threads", type=int, default=2, help="threads that compute")
    fitting.add_argument("--processes", type=int, default=1, help="processes that make patches")

    command = commands.add_parser("engrave", parents=[scores], help="scores to PDFs")
    command.add_argument("--out", type=Path, required=True)
    command.add_argument("--pages", type=int, default=2, help="pages of a score that Verovio engraves")
    command.set_defaults(run=engrave)
    command = commands.add_parser("label", help="PDFs to labelled pages")
    command.add_argument("pdfs", type=Path)
    command.add_argument("--out", type=Path, required=True)
    command.set_defaults(run=label)
    command = commands.add_parser("fit", parents=[fitting], help="labelled pages to weights")
    command.add_argument("pages", type=Path)
    command.set_defaults(run=fit)
    command = commands.add_parser("evaluate", help="figures on pages held out")
    command.add_argument("pages", type=Path)
    command.add_argument("--weights", type=Path, default=WEIGHTS)
    command.add_argument("--patches", type=int, default=600)
    command.add_argument("--foreign", action="store_true", help="no page was trained on: take them all")
    command.set_defaults(run=evaluate)
    command = commands.add_parser("all", parents=[scores, fitting], help="scores to weights")
    command.set_defaults(run=everything, pages=2)
    command = commands.add_parser("digits", help="text faces to the weights that read page numbers")
    command.add_argument("fonts", type=Path, nargs="+", help="folders with .otf and .ttf files")
    command.add_argument("--out", type=Path, default=NUMBERS)
    command.add_argument("--signs", type=int, default=18000)
    command.add_argument("--passes", type=int, default=10)
    command.set_defaults(run=digits)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    args = _parser().parse_args(arguments)
    args.run(args)
    return 0


if __name__ == "__main__":
    sys.exit(main())
