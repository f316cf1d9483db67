"""Measures the difficulty of all scores of ETUDE_SHARED_DATA/scores, for the ranks of `fingering_service.difficulty`.

    python bench/fingering_difficulty.py [--every N]

Fingers are the ergonomic model's, so that the ranks do not depend on the learned weights. The tempo is that of the
file's first metronome mark or else of its tempo words. Writes the shares to bench/results/fingering_difficulty.json.
"""

from __future__ import annotations

import argparse
import json
import re
import sys

import numpy as np

from bench.fingering import DATA, RESULTS
from etude.notation.tempo import DEFAULT_TEMPO, speed_of_words
from fingering_service.decode import decode
from fingering_service.difficulty import cost_per_second
from fingering_service.ergonomics import path_costs
from fingering_service.lattice import build_lattice
from fingering_service.models.ergonomic import Ergonomic
from fingering_service.profile import PROFILES
from fingering_service.training.kern import KernError, read_kern
from fingering_service.training.tables import table_lines


def tempo_of(text: str) -> float:
    """Quarter notes per minute of a **kern file."""
    mark = re.search(r"^\*MM(\d+(?:\.\d+)?)|\t\*MM(\d+(?:\.\d+)?)", text, re.M)
    if mark:
        return float(mark[1] or mark[2])
    for words in re.findall(r"^!!!OMD: *(.+)$", text, re.M):
        speed = speed_of_words(words)
        if speed is not None:
            return speed
    return DEFAULT_TEMPO


def difficulty_of(text: str) -> float:
    """Cost per second of a **kern file.

    Raises:
        KernError: It is no piano score.
    """
    model, profile, parts = Ergonomic(), PROFILES["M"], []
    for line in table_lines(read_kern(text), profile.max_span):
        lattice = build_lattice(line, profile)
        path = decode(lattice, model.costs(lattice, profile), model.temperature, model.coherence).paths[0]
        parts.append(([m.onset for m in line.slices], path_costs(lattice, path.states, profile)))
    quarter = 60 / tempo_of(text)
    return cost_per_second(parts, lambda at: float(at) * quarter)


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="take one of so many scores")
    args = parser.parse_args()
    rates: dict[str, float] = {}
    for path in sorted((DATA / "scores").glob("*/*.krn"))[:: args.every]:
        try:
            rates[path.stem] = round(difficulty_of(path.read_text(encoding="utf-8")), 2)
        except KernError as error:
            print(f"{path.name}: {error}", file=sys.stderr)
    shares = [round(float(q), 2) for q in np.percentile(list(rates.values()), range(5, 100, 5))]
    order = sorted(rates, key=rates.__getitem__)
    result = {"scores": len(rates), "cost_per_second_at_5_to_95_percent": shares}
    print(json.dumps(result, indent=1))
    print("easiest:", *order[:5], "hardest:", *order[-5:], sep="\n ")
    (RESULTS / "fingering_difficulty.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
