"""Stems that merely pass beams of other notes: on their way to beams of their own, or to where no beam is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from omr_service.assembler.geometry import Staff, y_at
from omr_service.assembler.page.heads_stems import Chord
from omr_service.symbols import Line

PAST = 1.5
"""How far, in staff spaces, a stem may reach beyond the outermost of its beams."""
AT_TIP = 0.3
"""Distance from a beam's middle, in staff spaces, within which a stem ends at it."""
NEARER = 0.1
"""By how much, in staff spaces, a stem ends nearer to its own beam than to one of others that lies on it."""
PARALLEL = 0.1
"""Difference of their slopes up to which beams may be of the same notes."""
ON_EACH_OTHER = 0.25
"""Distance, in staff spaces, below which stems lie on each other."""

Met = tuple[Line, list[tuple[Chord, float, bool]]]
"""A beam with the chords about it: each with the beam's height at its stem, and True where the stem meets it."""


def stem_x(chord: Chord) -> float:
    """Where a chord's stem stands."""
    assert chord.stem is not None
    return (chord.stem.x0 + chord.stem.x1) / 2


def _beyond(tip: float, y: float, up: bool) -> float:
    """How far a stem's tip is beyond a height."""
    return y - tip if up else tip - y


def under_longer(found: Sequence[Met], staves: Sequence[Staff]) -> set[int]:
    """Chords, by index, on whose stem a longer one lies: what is beyond the end of theirs is the longer one's."""
    return {
        c.index
        for _, entries in found
        for c, _, _ in entries
        for other, _, _ in entries
        if other.up == c.up
        and abs(stem_x(other) - stem_x(c)) < ON_EACH_OTHER * staves[c.staff].space
        and _beyond(other.tip, c.tip, c.up) > 0.8 * staves[c.staff].space
    }


def members_of_beams(
    beams: Sequence[Line],
    found: Sequence[Met],
    joined: Sequence[set[int]],
    beams_of: Mapping[int, set[int]],
    staves: Sequence[Staff],
) -> list[tuple[Line, list[Chord]]]:
    """Each beam with the chords that it joins.

    Args:
        beams: The beams.
        found: The same with the chords about them.
        joined: For each, those whose stems reach it, by index.
        beams_of: By chord index, the beams its stem reaches, by their numbers.
        staves: Staves of the page.
    """
    met = {c: [found[n] for n in own] for c, own in beams_of.items()}
    passing = {
        c.index
        for k, (_, entries) in enumerate(found)
        for c, _, _ in entries
        if c.index in joined[k] and _goes_past(met[c.index], c, staves[c.staff].space)
    }
    members_of = [
        [c for c, _, _ in entries if c.index in joined[k] and c.index not in passing]
        for k, (_, entries) in enumerate(found)
    ]
    members_of = _without_crossed(beams, members_of, staves)
    kept = [_without_passing(beam, members_of[k], members_of, beams, staves) for k, beam in enumerate(beams)]
    passed = [{c.index for c in members_of[k]} - {c.index for c in own} for k, own in enumerate(kept)]
    for own in kept:  # what passes the outer beam of notes passes their inner beams, too
        for chord in list(own):
            others = {c.index for c in own} - {chord.index}
            if others and any(
                chord.index in passed[n] and others <= {c.index for c in kept[n]} for n in range(len(kept))
            ):
                own.remove(chord)
    return list(zip(beams, kept, strict=True))


def _goes_past(met: Sequence[Met], chord: Chord, space: float) -> bool:
    """True for a stem that meets beams of stems which point the other way, and ends far beyond them all: it stands
    where the beams of another voice lie."""
    x, side = stem_x(chord), -1 if chord.up else 1
    others = [c for _, entries in met for c, _, meets in entries if meets and c is not chord]
    if not others:
        return False  # a stroke of its own, for a tremolo
    return not any(c.up == chord.up for c in others) and all(
        (chord.tip - y_at(beam, x)) * side > PAST * space for beam, _ in met
    )


def _without_crossed(
    beams: Sequence[Line], members_of: Sequence[list[Chord]], staves: Sequence[Staff]
) -> list[list[Chord]]:
    """The members of each beam without stems that end at a beam which is not parallel to it, where other stems end at
    both of its ends: there the beams of two voices or staves lie on each other."""

    def off(chord: Chord, beam: Line) -> float:
        return abs(chord.tip - y_at(beam, stem_x(chord))) / staves[chord.staff].space

    def held(beam: Line, members: Sequence[Chord], without: Chord) -> bool:
        tips = [(stem_x(c), staves[c.staff].space) for c in members if c is not without and off(c, beam) < AT_TIP]
        return all(any(abs(x - end) < 0.4 * space for x, space in tips) for end in (beam.x0, beam.x1))

    met: dict[int, list[int]] = {}
    for k, members in enumerate(members_of):
        for chord in members:
            met.setdefault(chord.index, []).append(k)

    def crossed(chord: Chord, k: int) -> bool:
        return any(
            abs(_slope(beams[own]) - _slope(beams[k])) > PARALLEL
            and off(chord, beams[own]) < min(AT_TIP, off(chord, beams[k]) - NEARER)
            and held(beams[k], members_of[k], chord)
            for own in met[chord.index]
        )

    return [[c for c in members if not crossed(c, k)] for k, members in enumerate(members_of)]


def _slope(beam: Line) -> float:
    return (beam.y1 - beam.y0) / (beam.x1 - beam.x0)


def _without_passing(
    beam: Line, members: list[Chord], members_of: list[list[Chord]], beams: Sequence[Line], staves: Sequence[Staff]
) -> list[Chord]:
    """The members of a beam without those whose stem only passes it on its way to beams of its own: along the stem of
    another one that ends here, or through a beam at both ends of which stems end."""
    ending = [c for c in members if abs(c.tip - y_at(beam, stem_x(c))) < 0.4 * staves[c.staff].space]
    kept: list[Chord] = []
    for chord in members:
        space, x = staves[chord.staff].space, stem_x(chord)
        if _beyond(chord.tip, y_at(beam, x), chord.up) <= 0.8 * space:
            kept.append(chord)
            continue
        alike = [other for other in ending if other.up == chord.up]
        along = [other for other in alike if abs(stem_x(other) - x) < ON_EACH_OTHER * space]
        held = all(any(abs(stem_x(other) - end) < 0.4 * space for other in alike) for end in (beam.x0, beam.x1))
        passes = any(
            chord in own and other not in own and abs(y_at(line, x) - chord.tip) < 0.5 * space
            for other in (alike if held else along)
            for line, own in zip(beams, members_of, strict=True)
        )
        if not passes:
            kept.append(chord)
    return kept
