"""Which hand plays a note: what the page suggests, unless the music asks for the other hand.

Where a written hand would have to span or hold more than it can, notes at its edge go to the other hand; where two
voices stand on one staff and the other staff is silent, or those of the upper staff are more than an octave apart over
a bass that is held, the voices are shared between the hands; music on a single staff is split. A chord that the hand of
its staff can strike is that hand's: the other one's thumb may take the key next to it, no more. The choice is made for
all onsets together (dynamic programming), so that hands move little and voices stay with a hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from fingering_service.lines import MAX_KEYS, ONE_FINGER_SEMITONES
from fingering_service.profile import HandProfile

RIGHT, LEFT = "R", "L"

_MOVE = 3.0
"""Cost of giving a note to the hand it is not written for."""

_MOVE_FREE = 0.4
"""The same where the other staff is silent and shows no rest, so that the page says nothing about the other hand."""

_HELPED_SEMITONE = 0.5
"""Cost of each semitone that the right hand would be spared by the left one."""

_TOO_MANY = _TOO_WIDE = 80.0
"""More than moving ten keys and breaking a chord: one is only left to be rolled where no sharing would spare that."""

_BROKEN = 30.0
"""Cost of breaking a chord that its hand can strike, otherwise than by leaving a key at its edge to the other thumb."""

_WIDE_SEMITONE = 0.5
_UNCOMFORTABLE_SEMITONE = 0.15
_DIVIDED = 0.8
"""Cost of a chord of one voice that is divided between the hands."""

_COMFORTABLE = 10
_JUMP_SEMITONE = 0.04
_JUMP_FREE = 7
_VOICE_SWITCH = 1.0
_REGISTER_SEMITONE = 0.06
_MIDDLE = 60

_RIGHT_WORDS = re.compile(r"^\W*(m\.?\s?d\.?|r\.?\s?h\.?|mano destra|main droite|destra|rechte hand)\W*$", re.I)
_LEFT_WORDS = re.compile(r"^\W*(m\.?\s?[sg]\.?|l\.?\s?h\.?|mano sinistra|main gauche|sinistra|linke hand)\W*$", re.I)


@dataclass(frozen=True, slots=True)
class Reach:
    """A note as far as its hand is concerned.

    Attributes:
        midi: MIDI key.
        written: "R" or "L" as the page suggests; "" where it does not.
        fixed: "R" or "L" where a user or a mark on the page has decided; "" elsewhere.
        voice: Staff and voice, for keeping a voice with one hand.
        free: True where the staff of the other hand is silent and shows no rest.
        spared: Semitones beyond a seventh from the note to the highest that the right hand has to strike while it holds
            it, where the left hand strikes nothing and reaches the note from what it holds; 0 elsewhere. Accompaniments
            are written so, low on the upper staff over a long bass.
    """

    midi: int
    written: str
    fixed: str
    voice: tuple[int, int]
    free: bool
    spared: int = 0


def hand_of_words(text: str) -> str:
    """ "R" or "L" for words such as "m.d." or "l.h."; "" for others."""
    if _RIGHT_WORDS.match(text):
        return RIGHT
    return LEFT if _LEFT_WORDS.match(text) else ""


def assign_hands(onsets: Sequence[Sequence[Reach]], profile: HandProfile) -> list[tuple[str, ...]]:
    """Hands of the notes struck at each onset.

    Args:
        onsets: Notes struck together, in order of time; each in any order of pitch.
        profile: The player's hand.

    Returns:
        For each onset one "R" or "L" per note, in the order given.
    """
    choices = [_choices(tuple(onset), profile) for onset in onsets]
    best: list[float] = []
    back: list[list[int]] = []
    for t, options in enumerate(choices):
        costs, origins = [], []
        for option in options:
            if t == 0:
                costs.append(option.cost)
                origins.append(0)
                continue
            ways = [best[i] + _change(before, option) for i, before in enumerate(choices[t - 1])]
            origin = min(range(len(ways)), key=ways.__getitem__)
            costs.append(ways[origin] + option.cost)
            origins.append(origin)
        best = costs
        back.append(origins)
    if not choices:
        return []
    path = [min(range(len(best)), key=best.__getitem__)]
    for t in range(len(choices) - 1, 0, -1):
        path.append(back[t][path[-1]])
    return [options[i].hands for options, i in zip(choices, reversed(path), strict=True)]


@dataclass(frozen=True, slots=True)
class _Choice:
    hands: tuple[str, ...]
    cost: float
    right: float | None  # middle of what the right hand plays, None for nothing
    left: float | None
    voices: Mapping[tuple[int, int], str]


@lru_cache(maxsize=4096)
def _choices(notes: tuple[Reach, ...], profile: HandProfile) -> tuple[_Choice, ...]:
    written = tuple(n.fixed or n.written for n in notes)
    if all(written):
        plain = _choice(notes, written, profile)
        unclear = any((n.free or n.spared) and not n.fixed for n in notes)
        if plain.cost < _TOO_MANY and not (unclear and len({n.voice for n in notes}) > 1):
            return (plain,)
    order = sorted(range(len(notes)), key=lambda i: notes[i].midi)
    found = {written} if all(written) else set()
    for left in range(len(notes) + 1):
        hands = [""] * len(notes)
        for rank, i in enumerate(order):
            hands[i] = notes[i].fixed or (LEFT if rank < left else RIGHT)
        found.add(tuple(hands))
    return tuple(_choice(notes, hands, profile) for hands in sorted(found))


def _choice(notes: tuple[Reach, ...], hands: tuple[str, ...], profile: HandProfile) -> _Choice:
    cost = 0.0
    middle: dict[str, float] = {}
    rolled, broken = False, 0
    for hand in (RIGHT, LEFT):
        keys = {n.midi for n, h in zip(notes, hands, strict=True) if h == hand}
        broken += _is_broken(hand, notes, hands, keys, profile)
        if not keys:
            continue
        span = max(keys) - min(keys)
        middle[hand] = (max(keys) + min(keys)) / 2
        if span > profile.max_span:
            cost += _TOO_WIDE + _WIDE_SEMITONE * (span - profile.max_span)
        cost += _UNCOMFORTABLE_SEMITONE * max(0, span - _COMFORTABLE)
        cost += _TOO_MANY * max(0, len(keys) - MAX_KEYS)
        rolled |= span > profile.max_span or len(keys) > MAX_KEYS
    # Where something is to be rolled all the same, a chord that is broken for it had better be rolled itself.
    cost += broken * (_BROKEN + _TOO_WIDE * rolled)
    for note, hand in zip(notes, hands, strict=True):
        if note.fixed:
            continue
        if note.written:
            cost += (_MOVE_FREE if note.free or note.spared else _MOVE) * (hand != note.written)
            cost += _HELPED_SEMITONE * note.spared * (hand == RIGHT)
        else:
            away = note.midi - _MIDDLE if hand == LEFT else _MIDDLE - note.midi
            cost += _REGISTER_SEMITONE * max(0, away)
    voices: dict[tuple[int, int], str] = {}
    for note, hand in zip(notes, hands, strict=True):
        cost += _DIVIDED * (voices.get(note.voice, hand) != hand)
        voices[note.voice] = hand
    return _Choice(hands, cost, middle.get(RIGHT), middle.get(LEFT), voices)


def _is_broken(
    hand: str, notes: tuple[Reach, ...], hands: tuple[str, ...], struck: set[int], profile: HandProfile
) -> bool:
    """Whether a chord that `hand` could strike is shared otherwise than so that fingers still rise with its keys.

    They do where the other hand's thumb takes the key at the edge and `hand`, which strikes `struck`, plays the others
    without its own thumb, or has this beside the other one.
    """
    told = any(n.free for n in notes)  # the page leaves the other staff empty, and its hand to play on this one
    own = {n.midi for n in notes if n.written == hand and not n.fixed}
    elsewhere = {n.midi for n in notes if n.written != hand}
    given = {n.midi for n, h in zip(notes, hands, strict=True) if n.written == hand and h != hand and not n.fixed}
    given -= elsewhere
    if told or not given or len(own) < 2 or len(own) > MAX_KEYS or max(own) - min(own) > profile.max_span:
        return False
    edge = min(own) if hand == RIGHT else max(own)
    if given != {edge}:
        return True
    beside = any(abs(key - edge) <= ONE_FINGER_SEMITONES for key in struck)
    without_thumb = int(profile.reach()[1, 4])
    return bool(struck) and not beside and (len(struck) >= MAX_KEYS or max(struck) - min(struck) > without_thumb)


def _change(before: _Choice, after: _Choice) -> float:
    cost = 0.0
    for old, new in ((before.right, after.right), (before.left, after.left)):
        if old is not None and new is not None:
            cost += _JUMP_SEMITONE * max(0.0, abs(new - old) - _JUMP_FREE)
    for voice, hand in after.voices.items():
        if before.voices.get(voice, hand) != hand:
            cost += _VOICE_SWITCH
    return cost
