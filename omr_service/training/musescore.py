"""Engraves MusicXML with MuseScore 3 and, through webmscore, with MuseScore 4: other faces, other habits."""

from __future__ import annotations

import os
import random
import re
import subprocess
import tempfile
from pathlib import Path

FACES = {
    "musescore3": ("Emmentaler", "Emmentaler", "Bravura", "Gonville"),
    "musescore4": ("Leland", "Leland", "Petaluma", "Finale Maestro", "Finale Maestro", "Finale Broadway", "Emmentaler"),
}
"""Music faces, those that look most like old engraving more than once."""
SPACES_MM = (1.3, 1.5, 1.6, 1.764, 1.9)
TIMEOUT_S = 240
_WEBMSCORE = (
    # without this, Node tries to fetch the WebAssembly by URL and fails
    "delete globalThis.fetch;const W=require('webmscore');const fs=require('fs');"
    "W.ready.then(async()=>{const s=await W.load('mscx',fs.readFileSync(process.argv[1]),[],true);"
    "fs.writeFileSync(process.argv[2],await s.savePdf());s.destroy();process.exit(0)})"
    ".catch(e=>{console.error(e);process.exit(1)})"
)


def pdf_of_musicxml(musicxml: bytes, engraver: str, rng: random.Random, webmscore: Path | None) -> bytes:
    """A PDF of a score in a face and size of chance.

    Args:
        musicxml: The score.
        engraver: "musescore3" or "musescore4".
        rng: Chooses.
        webmscore: Folder in which npm installed webmscore; needed for MuseScore 4.

    Raises:
        ValueError: MuseScore 4 is asked for without webmscore.
        subprocess.SubprocessError: The program fails or takes too long.
        OSError: It is not installed.
    """
    face, space = rng.choice(FACES[engraver]), rng.choice(SPACES_MM)
    with tempfile.TemporaryDirectory(prefix="etude-engrave-") as name:
        folder = Path(name)
        source, style, score, pdf = (folder / n for n in ("score.musicxml", "style.mss", "score.mscx", "score.pdf"))
        source.write_bytes(musicxml)
        style.write_text(
            '<?xml version="1.0" encoding="UTF-8"?><museScore version="3.01"><Style>'
            f"<musicalSymbolFont>{face}</musicalSymbolFont><Spatium>{space}</Spatium></Style></museScore>"
        )
        _run("musescore3", "-S", style, "-o", score, source)
        if engraver == "musescore3":
            _run("musescore3", "-o", pdf, score)
        elif webmscore is None:
            raise ValueError("MuseScore 4 is run through webmscore; say where that is installed.")
        else:
            # MuseScore 3 does not know the faces of MuseScore 4 and writes its own name for the default
            text = re.sub(r"<musicalSymbolFont>[^<]*</musicalSymbolFont>", "", score.read_text())
            text = text.replace("<Style>", f"<Style><musicalSymbolFont>{face}</musicalSymbolFont>", 1)
            score.write_text(text)
            _run("node", "-e", _WEBMSCORE, score, pdf, cwd=webmscore)
        return pdf.read_bytes()


def _run(*command: str | Path, cwd: Path | None = None) -> None:
    subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        check=True,
        capture_output=True,
        timeout=TIMEOUT_S,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )
