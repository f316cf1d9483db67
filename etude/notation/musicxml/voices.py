"""Voices: numbers within the part, a home staff for each, no two notes of one voice at once; grace notes in place."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from fractions import Fraction

from etude.notation.musicxml.raw import RawEvent, RawPart


def settle_voices(part: RawPart) -> None:
    """Sets, in place, `voice_number` and `home_staff` of every event of a part.

    MusicXML's voices are words; some programs count them per staff, some let notes of one voice overlap. Numbers in
    the file are kept where they are numbers and tell the voices of the part apart.
    """
    per_staff = _counts_per_staff(part.events)
    keys = {id(event): (event.staff if per_staff else 0, event.voice) for event in part.events}
    distinct = sorted(set(keys.values()), key=lambda key: (key[0], not _as_int(key[1]), _as_int(key[1]), key[1]))
    usable = not per_staff and all(0 < _as_int(voice) < 1000 for _, voice in distinct)
    numbers = {key: int(key[1]) if usable else place for place, key in enumerate(distinct, 1)}
    for event in part.events:
        event.voice_number = numbers[keys[id(event)]]
    _part_overlaps(part.events)
    _settle_home_staves(part)


def _as_int(voice: str) -> int:
    return int(voice) if voice.isascii() and voice.isdecimal() and len(voice) < 9 else 0


def _by_voice(events: Iterable[RawEvent]) -> dict[tuple[int, str], list[RawEvent]]:
    groups: dict[tuple[int, str], list[RawEvent]] = defaultdict(list)
    for event in events:
        groups[event.measure, event.voice].append(event)
    return groups


def _counts_per_staff(events: list[RawEvent]) -> bool:
    """True when notes of one voice on different staves overlap: the file counts voices on each staff from 1."""
    for group in _by_voice(events).values():
        if len({event.staff for event in group}) < 2:
            continue
        timed = sorted((event for event in group if event.duration), key=lambda event: event.onset)
        reached: dict[int, Fraction] = {}
        for event in timed:
            if any(end > event.onset for staff, end in reached.items() if staff != event.staff):
                return True
            reached[event.staff] = max(reached.get(event.staff, Fraction(0)), event.end)
    return False


def _part_overlaps(events: list[RawEvent]) -> None:
    """Moves what overlaps within a voice of a measure to the first number that is free there."""
    measures: dict[int, list[RawEvent]] = defaultdict(list)
    for event in events:
        measures[event.measure].append(event)
    for group in measures.values():
        used = {event.voice_number for event in group}
        reached: dict[int, Fraction] = defaultdict(Fraction)
        moved: dict[int, list[int]] = defaultdict(list)
        # in the order of the file, so that graces stay with the note they precede
        pending: list[RawEvent] = []
        ordered = sorted(
            enumerate(group), key=lambda pair: (pair[1].voice_number, pair[1].onset, pair[1].duration > 0, pair[0])
        )
        for _, event in ordered:
            if not event.duration:
                pending.append(event)
                continue
            home = event.voice_number
            target = next((v for v in (home, *moved[home]) if reached[v] <= event.onset), None)
            if target is None:
                target = next(number for number in range(1, len(group) + len(used) + 2) if number not in used)
                used.add(target)
                moved[home].append(target)
            reached[target] = event.end
            for grace in pending:
                if grace.voice_number == home:
                    grace.voice_number = target
            pending = [grace for grace in pending if grace.voice_number != target]
            event.voice_number = target


_STEADY = Fraction(9, 10)


def _settle_home_staves(part: RawPart) -> None:
    """The home staff of a voice: the one most of its measures are mostly on, if nearly all are; else per measure."""
    votes: dict[tuple[int, int], Counter[int]] = defaultdict(Counter)
    for event in part.events:
        votes[event.voice_number, event.measure][event.staff] += 1
        for note in event.notes:
            votes[event.voice_number, event.measure][note.staff] += 1
    majority = {key: min(count, key=lambda staff: (-count[staff], staff)) for key, count in votes.items()}
    overall: dict[int, Counter[int]] = defaultdict(Counter)
    for (voice, _), staff in majority.items():
        overall[voice][staff] += 1
    staves: dict[int, set[int]] = defaultdict(set)
    for (voice, _), count in votes.items():
        staves[voice] |= set(count)
    steady = _by_convention(part, staves)
    for voice, count in overall.items():
        staff, times = count.most_common(1)[0]
        if times >= _STEADY * count.total():
            steady.setdefault(voice, staff)
    for event in part.events:
        event.home_staff = steady.get(event.voice_number, majority[event.voice_number, event.measure])


def _by_convention(part: RawPart, staves: dict[int, set[int]]) -> dict[int, int]:
    """Home staves where a part of two staves counts four voices to each: 1 to 4 above, 5 to 8 below.

    A voice up to 4 that never stands on the upper staff speaks against it.
    """
    if part.staff_count != 2 or max(staves, default=0) not in range(5, 9):
        return {}
    if any(1 not in stands for voice, stands in staves.items() if voice <= 4):
        return {}
    return {voice: 1 if voice <= 4 else 2 for voice in staves}


def settle_graces(part: RawPart) -> None:
    """Sets, in place, which grace events come after the note they belong to, their onsets and their order.

    A grace that no note of its voice follows at its place in the measure comes after the one before it.
    """
    groups: dict[tuple[int, int], list[RawEvent]] = defaultdict(list)
    for event in part.events:
        groups[event.measure, event.voice_number].append(event)
    for group in groups.values():
        for place, event in enumerate(group):
            if event.grace is None:
                continue
            following = next((other for other in group[place + 1 :] if other.grace is None), None)
            previous = [other for other in group[:place] if other.grace is None and other.onset < event.onset]
            ends_there = bool(previous) and previous[-1].end == event.onset
            leads = following is not None and following.onset == event.onset
            steals = event.steals_from_previous and not event.grace.slash
            if ends_there and (steals or not leads):
                event.grace.after = True
                event.onset = previous[-1].onset
        orders: Counter[Fraction] = Counter()
        for event in group:
            if event.grace is not None:
                event.grace.order = orders[event.onset]
                orders[event.onset] += 1
