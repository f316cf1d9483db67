"""Beams of a group, level by level."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from etude.score.v1 import event_pb2, spanner_pb2
from renderer_service.musicxml.vocabulary import BEAMS


def beam_values(members: Sequence[event_pb2.Event], group: spanner_pb2.BeamGroup) -> dict[str, list[str]]:
    """MusicXML beam values by event id: for each level from 1 "begin", "continue", "end" or a hook.

    Rests under a beam carry none. A level is a run of neighbouring notes that have as many beams; the levels beyond
    the first end at the group's secondary breaks. A run of one note is a hook.
    """
    breaks = set(group.secondary_breaks)
    section, notes = 0, []
    for index, event in enumerate(members):
        section += index in breaks
        if event.notes and BEAMS.get(event.type, 0):
            notes.append((event, section))
    values: dict[str, list[str]] = {event.event_id: [] for event, _ in notes}
    if len(notes) < 2:
        return values
    for level in range(1, max(BEAMS[event.type] for event, _ in notes) + 1):
        runs = groupby(
            range(len(notes)),
            key=lambda i: (BEAMS[notes[i][0].type] >= level, notes[i][1] if level > 1 else 0),
        )
        for (reaches, _), run in runs:
            places = list(run)
            if not reaches:
                continue
            if len(places) == 1:
                values[notes[places[0]][0].event_id].append(_hook(notes, places[0]))
                continue
            for place in places:
                word = "begin" if place == places[0] else "end" if place == places[-1] else "continue"
                values[notes[place][0].event_id].append(word)
    return values


def _hook(notes: Sequence[tuple[event_pb2.Event, int]], place: int) -> str:
    """Which way a lone note's beam points: to the note it shares a beat with."""
    section = notes[place][1]
    if place == 0 or notes[place - 1][1] != section:
        return "forward hook"
    if place == len(notes) - 1 or notes[place + 1][1] != section:
        return "backward hook"
    previous, following = notes[place - 1][0], notes[place + 1][0]
    return "forward hook" if following.dots > previous.dots else "backward hook"
