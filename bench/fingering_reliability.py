"""Draws the reliability diagram of the fingering model from its card: bench/results/fingering_reliability.svg.

Each dot is a tenth of the range of probabilities: what the model said of the fingers it chose against how many of them
the editions of the validation split print. Its area is the number of notes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CARD = ROOT / "fingering_service" / "weights" / "fingering.card.json"
OUT = ROOT / "bench" / "results" / "fingering_reliability.svg"
SIZE, MARGIN = 320, 40


def main() -> int:
    """Writes the diagram; returns the exit status."""
    card = json.loads(CARD.read_text(encoding="utf-8"))
    bins = [b for b in card["reliability_on_validation"] if b[0]]
    most = max(b[0] for b in bins)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE + 2 * MARGIN} {SIZE + 2 * MARGIN}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect x="{MARGIN}" y="{MARGIN}" width="{SIZE}" height="{SIZE}" fill="white" stroke="#888"/>',
        f'<line x1="{MARGIN}" y1="{MARGIN + SIZE}" x2="{MARGIN + SIZE}" y2="{MARGIN}" stroke="#bbb"/>',
    ]
    for count, said, right in bins:
        x, y = MARGIN + SIZE * said / count, MARGIN + SIZE * (1 - right / count)
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{3 + 9 * (count / most) ** 0.5:.1f}" fill="#246" opacity=".7"/>'
        )
        print(f"said {said / count:.3f}  right {right / count:.3f}  notes {count:.0f}")
    for tick in range(0, 11, 2):
        at = SIZE * tick / 10
        parts.append(f'<text x="{MARGIN + at}" y="{MARGIN + SIZE + 16}" text-anchor="middle">{tick / 10:g}</text>')
        parts.append(f'<text x="{MARGIN - 6}" y="{MARGIN + SIZE - at + 4}" text-anchor="end">{tick / 10:g}</text>')
    middle = MARGIN + SIZE / 2
    parts.append(f'<text x="{middle}" y="{SIZE + 2 * MARGIN - 6}" text-anchor="middle">probability given</text>')
    parts.append(
        f'<text x="12" y="{middle}" text-anchor="middle" transform="rotate(-90 12 {middle})">share right</text>'
    )
    parts.append("</svg>")
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text("\n".join(parts) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
