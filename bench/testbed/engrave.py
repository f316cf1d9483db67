"""Engraves openly licensed scores with several programs and keeps the truth of what was engraved.

Run with an environment made from requirements.txt; see README.md.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import re
import subprocess
import sys
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from alterations import parse_mei
from contradictions import strays_from_octave_lines, why_unreadable
from fingers import add_fingers
from marks import add_marks
from telling import tell_in_kern, tell_in_musicxml, without_hidden_notes

warnings.filterwarnings("ignore")

FACES = {
    "verovio": ["Bravura", "Gootville", "Leipzig", "Leland", "Petaluma"],
    "musescore3": ["Emmentaler", "Bravura", "Gonville", "MuseJazz"],
    "musescore4": ["Leland", "Bravura", "Petaluma", "MuseJazz", "Finale Maestro", "Finale Broadway", "Emmentaler"],
    "lilypond": ["Emmentaler"],
}
TIMEOUT_S = 240
ABBREVIATED = re.compile(r"\*(?:X?(?:tremolo|rep)|met\(.*\))$")
"""Interpretations of **kern by which notes that it writes out are printed as tremolos, or as signs of repetition, and
the signs of meters, with which Verovio 6.4 prints no meter at all."""
SHOWN_OTHERWISE = re.compile(r"!LO:[NR]:(?:.*:)?vis=")
"""A layout comment by which the note or rest under it is printed with another value than it has."""
HIDDEN = re.compile(r"(=\d+)-$")
"""A barline with a number that is not printed."""
STAFF = re.compile(r"\*staff(\d+)$")
"""Which staff of a larger score a column holds: the piano's of a trio are its third and fourth, printed alone they are
the first and second."""

Addition = Callable[[Path], object]
"""Writes something into a MusicXML file before it is engraved."""


@dataclass(frozen=True)
class Piece:
    """One engraved piece; paths are relative to the output folder."""

    pdf: str
    truth: str
    engraver: str
    face: str
    source: str


def run(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        check=True,
        capture_output=True,
        timeout=TIMEOUT_S,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )


def is_measured_keyboard_music(source: Path) -> bool:
    """True for one part on two staves with a meter: not chant, nor a vocal score with a figured bass."""
    lines = source.read_text(errors="replace").splitlines()
    spines = next((line.split("\t") for line in lines if line.startswith("**kern")), [])
    parts = next((line.split("\t") for line in lines if line.startswith("*part")), [])
    of_notes = [part for spine, part in zip(spines, parts, strict=False) if spine == "**kern"]
    return spines.count("**kern") == 2 and len(set(of_notes)) <= 1 and any("*M" in line for line in lines)


def musicxml_of(source: Path, target: Path, add: Addition | None) -> None:
    """Converts Humdrum to MusicXML and drops the editors' warning signs and which instrument plays each note, which
    MuseScore prints as "Instrument change"; adds to it what it is told to, and prints what nothing else would tell."""
    import converter21
    import music21

    converter21.register()
    music21.converter.parse(source).write("musicxml", target)
    tree = ET.parse(target)
    for measure in tree.getroot().iter("measure"):
        for direction in list(measure.findall("direction")):
            if any("⚠" in (words.text or "") for words in direction.iter("words")):
                measure.remove(direction)
        for note in measure.findall("note"):
            for instrument in note.findall("instrument"):
                note.remove(instrument)
        for pedal in measure.iter("pedal"):
            # music21 writes its own name for the beginning, for which MuseScore prints a sharp
            if pedal.get("type") == "sustain":
                pedal.set("type", "start")
    tree.write(target, encoding="utf-8", xml_declaration=True)
    if add is not None:
        add(target)
    tell_in_musicxml(target)


def written_out(kern: str) -> str:
    """A **kern source of which every note and barline is printed: what it holds is what is to be read."""
    numbers = sorted({int(found[1]) for token in kern.split() if (found := STAFF.match(token))})

    def printed(token: str) -> str:
        if found := STAFF.match(token):
            return f"*staff{numbers.index(int(found[1])) + 1}"
        if SHOWN_OTHERWISE.match(token):
            return "!"
        return "*" if ABBREVIATED.match(token) else HIDDEN.sub(r"\1", token)

    def rewritten(line: str) -> str:
        if line.startswith("!!"):
            return line
        rewrite = printed if line.startswith(("*", "=", "!")) else without_hidden_notes
        return "\t".join(map(rewrite, line.split("\t")))

    return "\n".join(map(rewritten, kern.splitlines()))


def engrave_with_verovio(source: Path, stem: Path, face: str, rng: random.Random, add: Addition | None) -> Path:
    import cairosvg
    import pikepdf
    import verovio

    toolkit = verovio.toolkit()
    toolkit.setOptions(
        {
            "font": face,
            # Half a staff space in tenths of a millimetre.
            "unit": rng.choice([6.5, 7, 7.5, 8, 9]),
            "scale": 100,
            "pageWidth": 2100,
            "pageHeight": 2970,
            "mmOutput": True,
            "breaks": "auto",
        }
    )
    truth = stem.with_suffix(".musicxml" if add else ".krn")
    if add:
        musicxml_of(source, truth, add)
    else:
        kern = written_out(source.read_text(errors="replace"))
        if not toolkit.loadData(kern):
            raise ValueError("verovio cannot load it")
        mei = parse_mei(toolkit.getMEI())
        if strays_from_octave_lines(mei):
            raise ValueError("an octave line does not hold for all notes under it, or for others")
        truth.write_text(tell_in_kern(kern, mei))
    if not toolkit.loadFile(str(truth)):
        raise ValueError("verovio cannot load it")
    with pikepdf.new() as pdf:
        for page in range(1, toolkit.getPageCount() + 1):
            part = stem.with_suffix(f".{page}.pdf")
            cairosvg.svg2pdf(bytestring=toolkit.renderToSVG(page).encode(), write_to=str(part))
            with pikepdf.open(part) as one:
                pdf.pages.extend(one.pages)
                pdf.save(stem.with_suffix(".pdf"))
            part.unlink()
    return truth


def style_file(folder: Path, face: str, rng: random.Random) -> Path:
    """A MuseScore style with a music face and a staff space in millimetres."""
    space_mm = rng.choice([1.3, 1.5, 1.6, 1.764, 1.9])
    path = folder / "style.mss"
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?><museScore version="3.01"><Style>'
        f"<musicalSymbolFont>{face}</musicalSymbolFont><Spatium>{space_mm}</Spatium></Style></museScore>"
    )
    return path


def engrave_with_musescore3(source: Path, stem: Path, face: str, rng: random.Random, add: Addition | None) -> Path:
    musicxml = stem.with_suffix(".source.musicxml")
    musicxml_of(source, musicxml, add)
    style = style_file(stem.parent, face, rng)
    score = stem.with_suffix(".mscx")
    run("musescore3", "-S", style, "-o", score, musicxml)
    run("musescore3", "-o", stem.with_suffix(".pdf"), score)
    truth = stem.with_suffix(".musicxml")
    run("musescore3", "-o", truth, score)
    return truth


def engrave_with_musescore4(
    source: Path, stem: Path, face: str, rng: random.Random, add: Addition | None, webmscore: Path
) -> Path:
    musicxml = stem.with_suffix(".source.musicxml")
    musicxml_of(source, musicxml, add)
    style = style_file(stem.parent, face, rng)
    score = stem.with_suffix(".mscx")
    run("musescore3", "-S", style, "-o", score, musicxml)
    # MuseScore 3 does not know the faces of MuseScore 4 and writes its own name for the default.
    text = score.read_text()
    text = re.sub(r"<musicalSymbolFont>[^<]*</musicalSymbolFont>", "", text)
    text = text.replace("<Style>", f"<Style><musicalSymbolFont>{face}</musicalSymbolFont>", 1)
    score.write_text(text)
    script = (
        # Without this, Node tries to fetch the WebAssembly by URL and fails.
        "delete globalThis.fetch;const W=require('webmscore');const fs=require('fs');"
        "W.ready.then(async()=>{const s=await W.load('mscx',fs.readFileSync(process.argv[1]),[],true);"
        "fs.writeFileSync(process.argv[2],await s.savePdf());"
        "fs.writeFileSync(process.argv[3],await s.saveXml());s.destroy();process.exit(0)})"
        ".catch(e=>{console.error(e);process.exit(1)})"
    )
    truth = stem.with_suffix(".musicxml")
    run("node", "-e", script, score, stem.with_suffix(".pdf"), truth, cwd=webmscore)
    return truth


def engrave_with_lilypond(
    source: Path, stem: Path, face: str, rng: random.Random, add: Addition | None, python: str
) -> Path:
    del face
    musicxml = stem.with_suffix(".source.musicxml")
    musicxml_of(source, musicxml, add)
    writer = Path(__file__).with_name("lilypond.py")
    run(python, writer, musicxml, stem, "--staff-size", str(rng.choice([14, 16, 17, 18, 20])))
    return stem.with_suffix(".musicxml")


def engraved(
    source: Path,
    stem: Path,
    engraver: str,
    face: str,
    rng: random.Random,
    add: Addition | None,
    args: argparse.Namespace,
) -> Path:
    """Engraves a source as STEM.pdf and returns its truth.

    Raises:
        ValueError: nothing was engraved, or what nobody could read back to its truth.
    """
    if engraver == "verovio":
        truth = engrave_with_verovio(source, stem, face, rng, add)
    elif engraver == "musescore3":
        truth = engrave_with_musescore3(source, stem, face, rng, add)
    elif engraver == "musescore4":
        truth = engrave_with_musescore4(source, stem, face, rng, add, args.webmscore)
    else:
        truth = engrave_with_lilypond(source, stem, face, rng, add, args.etude_python)
    pdf = stem.with_suffix(".pdf")
    if not pdf.exists():
        raise ValueError("no PDF came out")
    reason = why_unreadable(pdf, truth, engraver)
    if reason:
        pdf.unlink()
        raise ValueError(reason)
    return truth


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=200, help="pieces to engrave")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engravers", default="verovio,musescore3,musescore4,lilypond")
    parser.add_argument("--fingers", action="store_true", help="pieces with hardly any printed fingers get some")
    parser.add_argument("--marks", action="store_true", help="pieces get marks of every kind")
    parser.add_argument("--webmscore", type=Path, help="folder in which npm installed webmscore")
    parser.add_argument("--etude-python", default=".venv/bin/python", help="interpreter with Étude, for LilyPond")
    parser.add_argument("--max-bytes", type=int, default=60_000, help="largest **kern source taken")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("ETUDE_SHARED_DATA", "../shared/data")))
    args = parser.parse_args()

    rng = random.Random(args.seed)
    added = add_marks if args.marks else add_fingers if args.fingers else None
    add = partial(added, rng=random.Random(args.seed)) if added else None
    sources = sorted(p for p in args.data.glob("scores/*/*.krn") if p.stat().st_size <= args.max_bytes)
    rng.shuffle(sources)
    engravers = [e for e in args.engravers.split(",") if e != "musescore4" or args.webmscore]
    args.out.mkdir(parents=True, exist_ok=True)
    pieces: list[Piece] = []
    tried = 0
    for source in sources:
        if len(pieces) >= args.count:
            break
        if not is_measured_keyboard_music(source):
            continue
        engraver = engravers[tried % len(engravers)]
        tried += 1
        face = rng.choice(FACES[engraver])
        # Humdrum file names are long and hold dots; a short stem keeps every program happy.
        stem = args.out / f"{engraver}-{face.replace(' ', '').lower()}-{source.stem[:60].replace('.', '_')}"
        try:
            truth = engraved(source, stem, engraver, face, rng, add, args)
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode(errors="replace").strip().splitlines()
            print(f"skipped {source.name} ({engraver}): {said[-1] if said else error}", file=sys.stderr)
            continue
        except (subprocess.SubprocessError, ValueError, OSError, ImportError, ET.ParseError) as error:
            print(f"skipped {source.name} ({engraver}): {error}", file=sys.stderr)
            continue
        except Exception as error:  # converter21 and music21 raise anything on odd input; the piece is left out
            print(f"skipped {source.name} ({engraver}): {type(error).__name__}: {error}", file=sys.stderr)
            continue
        pieces.append(Piece(f"{stem.name}.pdf", truth.name, engraver, face, f"{source.parent.name}/{source.name}"))
        print(f"{len(pieces)}\t{stem.name}.pdf", flush=True)
    with (args.out / "manifest.tsv").open("w", newline="") as handle:
        writer = csv.writer(handle, delimiter="\t")
        writer.writerow(["pdf", "truth", "engraver", "music_font", "source"])
        writer.writerows([p.pdf, p.truth, p.engraver, p.face, p.source] for p in pieces)
    return 0


if __name__ == "__main__":
    sys.exit(main())
