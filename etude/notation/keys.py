"""Key signatures: which steps they alter."""

from __future__ import annotations

from collections.abc import Iterable

from etude.score.v1 import measure_pb2, pitch_pb2

SHARP_ORDER: tuple[pitch_pb2.Step.ValueType, ...] = (
    pitch_pb2.STEP_F,
    pitch_pb2.STEP_C,
    pitch_pb2.STEP_G,
    pitch_pb2.STEP_D,
    pitch_pb2.STEP_A,
    pitch_pb2.STEP_E,
    pitch_pb2.STEP_B,
)
"""Order in which sharps are added; flats are added in the reverse order."""

MAX_FIFTHS = 7

_MAJOR_TONICS = ("Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#")
_MINOR_TONICS = ("Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#", "G#", "D#", "A#")


def altered_steps(fifths: int) -> tuple[pitch_pb2.Step.ValueType, ...]:
    """Steps a key signature alters, in the order they are printed."""
    return SHARP_ORDER[:fifths] if fifths >= 0 else SHARP_ORDER[: fifths - 1 : -1]


def alterations(fifths: int) -> dict[pitch_pb2.Step.ValueType, int]:
    """Alteration in semitones (+1 or -1) of each step the key signature alters."""
    return dict.fromkeys(altered_steps(fifths), 1 if fifths > 0 else -1)


def alteration_in_key(step: pitch_pb2.Step.ValueType, fifths: int) -> int:
    """Alteration in semitones of `step` under a key signature."""
    return alterations(fifths).get(step, 0)


def key_for_staff(keys: Iterable[measure_pb2.KeySignature], part_id: str, staff: int) -> measure_pb2.KeySignature:
    """The key signature that holds for a staff: the most special entry of a measure's `key_signatures`.

    Returns C major where none matches.
    """
    best: tuple[int, measure_pb2.KeySignature] = (-1, measure_pb2.KeySignature())
    for key in keys:
        if key.part_id not in ("", part_id) or key.staff not in (0, staff):
            continue
        rank = 2 * (key.part_id != "") + (key.staff != 0)
        if rank > best[0]:
            best = (rank, key)
    return best[1]


def key_name(key: measure_pb2.KeySignature) -> str:
    """Name for people: "E flat major" where the mode is known, "3 flats" where not."""
    if key.mode == measure_pb2.KEY_MODE_UNSPECIFIED:
        count = abs(key.fifths)
        sign = "sharp" if key.fifths > 0 else "flat"
        return "no sharps or flats" if not count else f"{count} {sign}{'s' if count > 1 else ''}"
    minor = key.mode == measure_pb2.KEY_MODE_MINOR
    tonic = (_MINOR_TONICS if minor else _MAJOR_TONICS)[key.fifths + MAX_FIFTHS]
    letter, accidental = tonic[0], {"": "", "b": " flat", "#": " sharp"}[tonic[1:]]
    return f"{letter}{accidental} {'minor' if minor else 'major'}"
