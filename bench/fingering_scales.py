"""How scales come out: the share of their notes with the finger that every method gives.

    python bench/fingering_scales.py [MODEL...]

All major and harmonic minor scales and the chromatic one, over one to four octaves up and down, each hand by itself
(`fingering_service.training.textbook`). The learned model was trained on them among other things, so this is no proof
of what it knows of other music; it is what a pianist tries first. Figures go to bench/results/fingering_scales.json.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from fingering_service.models import FingeringModel, Registry
from fingering_service.training.predict import predict
from fingering_service.training.textbook import exercises

RESULTS = Path(__file__).resolve().parent / "results" / "fingering_scales.json"
KINDS = ("scale", "chromatic scale")


def shares(model: FingeringModel) -> dict[str, float]:
    """Percent of fingers that are the method's, by kind of scale and hand."""
    right: Counter[str] = Counter()
    notes: Counter[str] = Counter()
    for table in exercises():
        if table.header["title"] not in KINDS:
            continue
        name = f"{table.header['title']}, {'right' if table.notes[0].hand == 'R' else 'left'} hand"
        for note, finger in zip(table.notes, predict(table, model), strict=True):
            if note.finger:
                notes[name] += 1
                right[name] += int(finger == int(note.finger))
    return {name: round(100 * right[name] / count, 1) for name, count in notes.items()}


def main() -> int:
    """Command line; returns the exit status."""
    registry = Registry.load()
    results = {}
    for name in sys.argv[1:] or ["crf", "ergonomic"]:
        model = registry.find(name)
        found = results[f"{model.name} {model.version}"] = shares(model)
        print(model.name, model.version, json.dumps(found), flush=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
