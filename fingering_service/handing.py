"""Gives every played note of a Score a hand: what `hands` decides, for the notes of one player."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence

from etude.notation.index import ScoreIndex
from etude.score.v1 import fingering_pb2
from fingering_service.constraints import PINNED, PREDICTED, Wish
from fingering_service.hands import LEFT, RIGHT, Reach, assign_hands, hand_of_words
from fingering_service.lines import MAX_KEYS
from fingering_service.played import PlayedNote, written_hand
from fingering_service.profile import HandProfile

_SEVENTH = 11
"""Semitones up to which two voices lie well in one hand."""

_LETTER = {fingering_pb2.HAND_RIGHT: RIGHT, fingering_pb2.HAND_LEFT: LEFT, fingering_pb2.HAND_UNSPECIFIED: ""}


def hands_of_staves(index: ScoreIndex, part_ids: Sequence[str], notes: Sequence[PlayedNote]) -> list[str]:
    """ "R" or "L" for each note: the hand of the staff it is printed on; "" on a single staff."""
    parts = list(part_ids)
    if len(parts) == 2:
        return [RIGHT if note.event.part_id == parts[0] else LEFT for note in notes]
    if index.parts[parts[0]].staff_count == 1:
        return [""] * len(notes)
    return [RIGHT if note.notes[0].staff == 1 else LEFT for note in notes]


def give_hands(
    index: ScoreIndex,
    part_ids: Sequence[str],
    notes: Sequence[PlayedNote],
    wishes: Mapping[str, Wish],
    profile: HandProfile,
    *,
    keep_predicted: bool = False,
) -> list[str]:
    """ "R" or "L" for each note.

    Hands that the Score's source or a user gave stay; hands predicted by an earlier run stay with `keep_predicted`.
    """
    parts = list(part_ids)
    silent = _silent_staves(index, parts)
    written = _written_hands(index, parts, notes, silent)
    fixed = [_fixed_hand(n, wishes, keep_predicted) for n in notes]
    marked = _marked_onsets(index, parts)
    spared = _spared_semitones(notes, written, profile)
    by_onset: dict[int, list[int]] = defaultdict(list)
    for i, note in enumerate(notes):
        if not note.grace:
            by_onset[note.onset].append(i)
    onsets = sorted(by_onset)
    reaches = [
        [_reach(notes[i], written[i], fixed[i], marked, silent, spared) for i in by_onset[onset]] for onset in onsets
    ]
    hands = [""] * len(notes)
    for onset, chosen in zip(onsets, assign_hands(reaches, profile), strict=True):
        for i, hand in zip(by_onset[onset], chosen, strict=True):
            hands[i] = hand
    for onset in onsets:
        _share_keys(by_onset[onset], notes, hands, fixed, profile)
    for i, note in enumerate(notes):
        if note.grace:
            hands[i] = fixed[i] or _grace_hand(note, i, notes, hands, written[i])
    return hands


def _written_hands(
    index: ScoreIndex, parts: list[str], notes: Sequence[PlayedNote], silent: Mapping[int, set[str]]
) -> list[str]:
    """ "R" or "L" for each note as the page suggests, "" where it does not.

    A voice that goes over to the other staff keeps its hand. Where that staff shows nothing else in the measure, not
    even a rest, the page leaves it to the other hand: so figures are written that the hands play by turns.
    """
    hands = []
    for note, printed in zip(notes, hands_of_staves(index, parts, notes), strict=True):
        empty = printed in silent.get(note.event.measure_index, ())
        hands.append(printed if empty else _LETTER[written_hand(index, parts, note)])
    return hands


def _share_keys(
    together: Sequence[int], notes: Sequence[PlayedNote], hands: list[str], fixed: Sequence[str], profile: HandProfile
) -> None:
    """Leaves keys that both hands are to strike at once to one of them, where the other has too much to do."""
    for hand, other in ((RIGHT, LEFT), (LEFT, RIGHT)):
        keys = {notes[i].midi for i in together if hands[i] == hand}
        elsewhere = {notes[i].midi for i in together if hands[i] == other}
        # The keys nearest to the other hand are left to it first.
        for key in sorted(keys & elsewhere, reverse=hand == LEFT):
            if len(keys) <= MAX_KEYS and max(keys) - min(keys) <= profile.max_span:
                break
            mine = [i for i in together if notes[i].midi == key and hands[i] == hand and not fixed[i]]
            for i in mine:
                hands[i] = other
            if mine:
                keys.discard(key)


def _reach(
    note: PlayedNote,
    written: str,
    fixed: str,
    marked: Mapping[tuple[str, int, int], str],
    silent: Mapping[int, set[str]],
    spared: Mapping[tuple[int, int], int],
) -> Reach:
    place = (note.event.part_id, note.event.staff, note.onset)
    fixed = fixed or marked.get(place, "")
    other = LEFT if written == RIGHT else RIGHT
    free = bool(written) and other in silent.get(note.event.measure_index, ())
    return Reach(
        note.midi,
        written,
        fixed,
        (note.event.staff, note.event.voice),
        free,
        spared.get((note.onset, note.midi), 0) if written == RIGHT else 0,
    )


def _fixed_hand(note: PlayedNote, wishes: Mapping[str, Wish], keep_predicted: bool) -> str:
    for head in note.notes:
        wish = wishes.get(head.note_id)
        if wish and wish.source == PINNED and wish.hand:
            return _LETTER[wish.hand]
    if note.notes[0].fingering.source == PREDICTED and not keep_predicted:
        return ""
    return _LETTER[note.notes[0].hand]


def _grace_hand(
    note: PlayedNote, position: int, notes: Sequence[PlayedNote], hands: Sequence[str], written: str
) -> str:
    """The hand of the nearest main note of the same voice at or after the grace note's onset."""
    own = [
        (abs(other.onset - note.onset), abs(other.midi - note.midi), i)
        for i, other in enumerate(notes[max(0, position - 12) : position + 12], max(0, position - 12))
        if not other.grace
        and hands[i]
        and (other.event.staff, other.event.voice) == (note.event.staff, note.event.voice)
    ]
    return hands[min(own)[2]] if own else written or RIGHT


def _marked_onsets(index: ScoreIndex, parts: list[str]) -> dict[tuple[str, int, int], str]:
    """Hands named by words on the page ("m.s."), by part, staff and onset."""
    marked = {}
    for direction in index.score.directions:
        if direction.part_id in parts and direction.WhichOneof("kind") == "words":
            hand = hand_of_words(direction.words.text)
            if hand:
                marked[direction.part_id, direction.staff, direction.onset_ticks] = hand
    return marked


def _held_by_left(notes: Sequence[PlayedNote], written: Sequence[str]) -> dict[int, list[int]]:
    """MIDI keys that the left hand holds, by the onsets, in ticks, at which nothing written for it is struck."""
    onsets = sorted({n.onset for n in notes if not n.grace})
    own = [n for n, w in zip(notes, written, strict=True) if w == LEFT and not n.grace]
    held: dict[int, list[int]] = defaultdict(list)
    for note in own:
        for onset in onsets[bisect_right(onsets, note.onset) : bisect_left(onsets, note.end)]:
            held[onset].append(note.midi)
    for note in own:
        held.pop(note.onset, None)
    return held


def _spared_semitones(
    notes: Sequence[PlayedNote], written: Sequence[str], profile: HandProfile
) -> dict[tuple[int, int], int]:
    """By onset, in ticks, and MIDI key of what is written for the right hand: how many semitones of its reach the left
    hand can spare it; see `Reach`."""
    held = _held_by_left(notes, written)
    right = sorted((n.onset, n.midi, n.end) for n, w in zip(notes, written, strict=True) if w == RIGHT and not n.grace)
    onsets = [onset for onset, _, _ in right]
    found: dict[tuple[int, int], int] = {}
    for onset, midi, end in right:
        keys = held.get(onset)
        if keys and max(abs(key - midi) for key in keys) <= profile.max_span:
            while_held = right[bisect_left(onsets, onset) : bisect_left(onsets, end)]
            reach = max(key for _, key, _ in while_held) - midi
            if reach > _SEVENTH:
                found[onset, midi] = reach - _SEVENTH
    return found


def _silent_staves(index: ScoreIndex, parts: list[str]) -> dict[int, set[str]]:
    """By measure, the hands whose staff has neither a note nor a printed rest."""
    seen: dict[int, set[str]] = {i: set() for i in range(len(index.score.measures))}
    for event in index.score.events:
        if event.part_id in parts and (event.notes or not event.rest.hidden):
            upper = event.part_id == parts[0] if len(parts) == 2 else event.staff == 1
            seen[event.measure_index].add(RIGHT if upper else LEFT)
    both = {RIGHT, LEFT}
    return {measure: both - hands for measure, hands in seen.items() if hands != both}
