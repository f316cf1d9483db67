"""Scores the renderer's tests share."""

from __future__ import annotations

from etude.notation.chord_symbols import read_symbol
from etude.score.v1 import (
    direction_pb2,
    event_pb2,
    fingering_pb2,
    measure_pb2,
    pitch_pb2,
    provenance_pb2,
    score_pb2,
    spanner_pb2,
)
from tests.support.score_builder import ScoreBuilder


def everything() -> score_pb2.Score:
    """A short piece with at least one of everything the Score can hold."""
    q = 72  # ticks of a quarter
    b = ScoreBuilder(divisions=q, title="Everything & more")
    b.raw.metadata.composer, b.raw.metadata.rights, b.raw.metadata.subtitle = "A. Nonymous", "Public domain", "Op. 1"

    m = b.measure("4/4", fifths=2, length=q)  # 1: pickup
    m.number, m.implicit = "0", True
    m.time_signature.symbol = measure_pb2.TIME_SYMBOL_COMMON
    pick = b.voice(1, 1, "a4=1/8 c#5=3/8")
    b.spanner(pick, beam_group=spanner_pb2.BeamGroup())
    b.spanner(pick, slur=spanner_pb2.Slur(), placement=spanner_pb2.PLACEMENT_ABOVE)
    b.voice(2, 5, "r/4")

    m = b.measure("4/4", fifths=2)  # 2: graces, tuplets, beams, two voices, cross-staff
    m.time_signature.symbol, m.time_signature_printed = measure_pb2.TIME_SYMBOL_COMMON, False
    m.left_barline.style = measure_pb2.BARLINE_STYLE_HEAVY_LIGHT
    m.left_barline.repeat = measure_pb2.REPEAT_DIRECTION_FORWARD
    onset = m.onset_ticks
    upper = b.voice(1, 1, "e5/16G d5=2/4 f#5=1/8(3:2) g5=2/8(3:2) a5=3/8(3:2) b5=4-5/8. a5=4/16 f#5+a5=5/4")
    upper[0].stem = event_pb2.STEM_DIRECTION_UP
    upper[5].notes[0].accidental.kind = pitch_pb2.ACCIDENTAL_KIND_NATURAL
    upper[5].notes[0].accidental.parenthesized = True
    b.spanner(upper[2:5], beam_group=spanner_pb2.BeamGroup())
    tuplet = b.spanner(upper[2:5], tuplet=spanner_pb2.Tuplet(number_printed=True, bracket_printed=True)).tuplet
    tuplet.ratio.actual, tuplet.ratio.normal, tuplet.normal_type = 3, 2, event_pb2.NOTE_TYPE_EIGHTH
    b.spanner(upper[5:7], beam_group=spanner_pb2.BeamGroup())
    upper[7].arpeggio = event_pb2.ARPEGGIO_UP
    inner = b.voice(1, 2, "d4=1/2 d4/2")
    b.tie(inner[0].notes[0], inner[1].notes[0])
    inner[1].notes[0].fingering.finger = 1
    inner[1].notes[0].fingering.source = fingering_pb2.FINGERING_SOURCE_PREDICTED
    lower = b.voice(2, 5, "d3=5/8 f#3=3/8 a3=2/8 d4=1/8 r/4 d3+a3+f#4/4")
    lower[3].notes[0].staff = 1
    lower[3].notes[0].hand = fingering_pb2.HAND_LEFT
    lower[1].notes[0].fingering.source = fingering_pb2.FINGERING_SOURCE_PRINTED
    lower[2].notes[0].fingering.source = fingering_pb2.FINGERING_SOURCE_PINNED
    b.spanner(lower[:4], beam_group=spanner_pb2.BeamGroup())
    b.spanner([upper[7], lower[5]], arpeggio_across=spanner_pb2.ArpeggioAcross(arpeggio=event_pb2.ARPEGGIO_PLAIN))
    b.direction(
        onset,
        0,
        tempo=direction_pb2.Tempo(
            text="Allegro", beat_type=event_pb2.NOTE_TYPE_QUARTER, beat_dots=1, beats_per_minute=96
        ),
    )
    b.direction(onset, 1, dynamic=direction_pb2.Dynamic(text="mf"), placement=spanner_pb2.PLACEMENT_BELOW)
    b.direction(
        onset,
        1,
        event=upper[1],
        ornament=direction_pb2.Ornament(
            kind=direction_pb2.ORNAMENT_KIND_TRILL, accidental_above=1, accidental_above_printed=True
        ),
    )
    b.direction(onset, 1, event=upper[7], fermata=direction_pb2.Fermata(shape=direction_pb2.FERMATA_SHAPE_NORMAL))
    b.direction(
        onset, 1, event=upper[5], articulation=direction_pb2.Articulation(kind=direction_pb2.ARTICULATION_KIND_STACCATO)
    )
    b.direction(
        onset,
        1,
        event=upper[7],
        articulation=direction_pb2.Articulation(kind=direction_pb2.ARTICULATION_KIND_STRONG_ACCENT),
    )
    b.spanner(
        start_ticks=onset + q,
        end_ticks=onset + 4 * q,
        staff=1,
        hairpin=spanner_pb2.Hairpin(kind=spanner_pb2.HAIRPIN_KIND_CRESCENDO),
    )
    b.spanner(
        start_ticks=onset, end_ticks=onset + 4 * q, staff=2, pedal=spanner_pb2.Pedal(change_ticks=[onset + 2 * q])
    )
    m.right_barline.style = measure_pb2.BARLINE_STYLE_LIGHT_LIGHT

    m = b.measure("3/4", fifths=-1)  # 3: octave line, clef change inside, ending, tremolos, 32nds with a break
    m.starts_system = True
    m.ending.numbers.append(1)
    m.ending.text, m.ending.starts, m.ending.stops, m.ending.closed = "1.", True, True, True
    onset = m.onset_ticks
    high = b.voice(1, 1, "c5/32 d5/32 e5/32 f5/32 g5/32 a5/32 b-5/32 c6/32 d6/4 r/4")
    for event in high[:9]:
        event.notes[0].midi_pitch += 12
    b.spanner(high[:8], beam_group=spanner_pb2.BeamGroup(secondary_breaks=[4]))
    b.spanner(
        start_ticks=onset,
        end_ticks=onset + 2 * q,
        staff=1,
        octave_line=spanner_pb2.OctaveLine(octaves=1),
        placement=spanner_pb2.PLACEMENT_ABOVE,
    )
    low = b.voice(2, 5, "c3=5/4 e4/4 g4/4")
    low[1].tremolo_strokes = 3
    clef = b.raw.clefs.add(clef_id="c3", part_id="P1", staff=2, measure_index=2, onset_ticks=onset + q, line=2)
    clef.sign = measure_pb2.CLEF_SIGN_G
    b.spanner(low[1:], slur=spanner_pb2.Slur())
    b.spanner(low[:2], slur=spanner_pb2.Slur())
    b.spanner(low[1:], glissando=spanner_pb2.Glissando(wavy=True, text="gliss."))
    m.right_barline.repeat = measure_pb2.REPEAT_DIRECTION_BACKWARD

    m = b.measure("3+2/8", fifths=-1)  # 4: additive meter, whole-measure and hidden rests, nested tuplets, jumps
    m.ending.numbers.append(2)
    m.ending.text, m.ending.starts, m.ending.stops = "2.", True, True
    onset = m.onset_ticks
    nested = b.voice(1, 1, "g4/8(3:2) a4/16(3:2)(3:2) b4/16(3:2)(3:2) c5/16(3:2)(3:2) d5/8(3:2) c5/8 d5/16a s/8 s/8")
    for members, depth in ((nested[:5], 0), (nested[1:4], 1)):
        tuplet = b.spanner(members, tuplet=spanner_pb2.Tuplet(number_printed=True, depth=depth)).tuplet
        tuplet.ratio.actual, tuplet.ratio.normal = 3, 2
    b.voice(2, 5, "R")
    b.direction(onset, 1, words=direction_pb2.Words(text="dolce", italic=True))
    b.direction(onset, 0, jump=direction_pb2.Jump(kind=direction_pb2.JUMP_KIND_SEGNO))
    for offset, text in ((0, "Bbmaj7"), (q, "F#m7b5/A"), (2 * q, "H7(b9)")):
        symbol = read_symbol(text)
        assert symbol is not None
        b.direction(onset + offset, 1, harmony=symbol, placement=spanner_pb2.PLACEMENT_ABOVE)
    b.direction(onset, 0, rehearsal_mark=direction_pb2.RehearsalMark(text="A"))
    b.direction(onset + 2 * q, 1, breath=direction_pb2.Breath())
    b.spanner(
        start_ticks=onset,
        end_ticks=onset + 5 * q // 2,
        staff=1,
        placement=spanner_pb2.PLACEMENT_BELOW,
        hairpin=spanner_pb2.Hairpin(kind=spanner_pb2.HAIRPIN_KIND_DIMINUENDO, text="dim."),
    )

    m = b.measure("2/2", fifths=-1)  # 5: tremolo between, laissez vibrer, an overlap, a fermata on the barline
    m.time_signature.symbol = measure_pb2.TIME_SYMBOL_CUT
    onset = m.onset_ticks
    pair = b.voice(1, 1, "f4/2 a4/2 c5/2.")
    pair[0].duration_ticks = pair[1].duration_ticks = q
    pair[1].onset_ticks, pair[2].onset_ticks = onset + q, onset + 2 * q
    b.spanner(pair[:2], tremolo_between=spanner_pb2.TremoloBetween(strokes=3))
    pair[2].duration_ticks, pair[2].type, pair[2].dots = 2 * q, event_pb2.NOTE_TYPE_HALF, 0
    b.tie(pair[2].notes[0], None)
    clash = b.voice(1, 1, "d5/4", offset=5 * q // 2)
    clash[0].confidence = 0.3
    b.voice(2, 5, "f2/2")
    b.direction(onset + 4 * q, 1, fermata=direction_pb2.Fermata())
    b.raw.directions[-1].measure_index = 4
    b.direction(onset + 2 * q, 0, jump=direction_pb2.Jump(kind=direction_pb2.JUMP_KIND_DAL_SEGNO, text="D.S. al Fine"))
    m.right_barline.style = measure_pb2.BARLINE_STYLE_LIGHT_HEAVY
    b.raw.doubts.add(
        kind=provenance_pb2.DOUBT_KIND_ALIGNMENT,
        measure_index=4,
        message="Bar 5, upper staff: two readings of one beat.",
    )
    return b.score()


def plain(bars: int = 8) -> score_pb2.Score:
    """Ordinary piano music: runs and chords in the right hand, broken chords and octaves in the left; all fingered."""
    b = ScoreBuilder(divisions=4, title="Plain piece")
    b.raw.metadata.composer = "A. Nonymous"
    for bar in range(bars):
        m = b.measure("4/4", fifths=-1)
        if bar % 2:
            right = b.voice(
                1, 1, "f5=5/16 e5=4/16 d5=3/16 c5=2/16 b-4=1/16 a4=3/16 g4=2/16 f4=1/16 e4+g4+c5=5/4 r/8 c5=5/8"
            )
            groups = [right[:4], right[4:8]]
        else:
            right = b.voice(1, 1, "f4=1+a4=3+c5=5/4. g4=2/8 a4=3/8 b-4=4/8 c5=5/4")
            groups = [right[2:4]]
        left = b.voice(
            2,
            2,
            "f2=5+f3=1/8 c3=5/8 a3=2/8 c3=5/8 c2=5+c3=1/4 r/4" if bar % 2 else "f3=5/8 a3=3/8 c4=1/8 a3=3/8 f3=5/2",
        )
        for group in [*groups, left[:4]]:
            b.spanner(group, beam_group=spanner_pb2.BeamGroup())
        b.spanner(right[:4], slur=spanner_pb2.Slur())
        b.direction(m.onset_ticks, 1, dynamic=direction_pb2.Dynamic(text="pf"[bar % 2]))
        if bar == 0:
            b.direction(m.onset_ticks, 0, tempo=direction_pb2.Tempo(text="Andante"))
    b.raw.measures[-1].right_barline.style = measure_pb2.BARLINE_STYLE_LIGHT_HEAVY
    return b.score()
