"""How fast a Score goes, from its metronome marks and tempo words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from etude.notation.time import QUARTERS_OF_TYPE, written_quarters
from etude.score.v1 import direction_pb2, score_pb2

DEFAULT_TEMPO = 100.0
"""Quarter notes per minute where the Score says nothing."""
TEMPO_WORDS = {
    "grave": 42.0,
    "largo": 48.0,
    "larghetto": 60.0,
    "lento": 54.0,
    "adagio": 60.0,
    "andante": 76.0,
    "andantino": 84.0,
    "moderato": 100.0,
    "maestoso": 88.0,
    "allegretto": 108.0,
    "allegro": 126.0,
    "vivo": 144.0,
    "vivace": 144.0,
    "presto": 168.0,
    "prestissimo": 184.0,
}
"""Quarter notes per minute for tempo words without a metronome mark; the middle of the usual ranges."""


@dataclass(frozen=True, slots=True)
class TempoChange:
    """From `tick` on, `quarters_per_minute`."""

    tick: int
    quarters_per_minute: float


def stated_tempos(score: score_pb2.Score) -> dict[int, float]:
    """Quarter notes per minute by the tick from which they hold, where the Score says something."""
    found = {}
    for direction in score.directions:
        if direction.WhichOneof("kind") == "tempo":
            speed = speed_of_mark(direction.tempo)
            if speed is not None:
                found[direction.onset_ticks] = speed
    return found


def tempo_changes(score: score_pb2.Score) -> list[TempoChange]:
    """Changes of speed in order of time, the first at 0."""
    changes = {0: DEFAULT_TEMPO} | stated_tempos(score)
    return [TempoChange(tick, changes[tick]) for tick in sorted(changes)]


def speed_of_mark(tempo: direction_pb2.Tempo) -> float | None:
    """Quarter notes per minute of a tempo mark; None where it names no speed."""
    if tempo.beats_per_minute > 0 and tempo.beat_type in QUARTERS_OF_TYPE:
        beat = written_quarters(tempo.beat_type, tempo.beat_dots)
        return min(max(tempo.beats_per_minute * float(beat), 5.0), 1000.0)
    return speed_of_words(tempo.text)


def speed_of_words(text: str) -> float | None:
    """Quarter notes per minute of the first tempo word in `text`; None where there is none."""
    for word in re.findall(r"[a-z]+", text.lower()):
        if word in TEMPO_WORDS:
            return TEMPO_WORDS[word]
    return None
