"""LilyPond source of a piano Score, for engraving test pages with exact truth.

musicxml2ly loses voices on dense piano music; this writer says everything it is given, or refuses the piece. Each
voice of the Score is one LilyPond voice over the whole piece, so that ties, slurs and beams cross bars; clefs, keys,
meters, barlines and dynamics stand in a stream of skips of their own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import mido

from etude.notation.index import ScoreIndex
from etude.notation.musicxml.reader import read_musicxml
from etude.notation.time import event_quarters
from etude.score.v1 import direction_pb2, event_pb2, measure_pb2, pitch_pb2, score_pb2, spanner_pb2
from renderer_service.musicxml.document import musicxml_bytes

STEPS = {pitch_pb2.Step.Value(f"STEP_{letter}"): letter.lower() for letter in "CDEFGAB"}
SEMITONES = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
ALTERS = {-2: "eses", -1: "es", 0: "", 1: "is", 2: "isis"}
TYPES = {
    event_pb2.NOTE_TYPE_BREVE: "\\breve",
    event_pb2.NOTE_TYPE_WHOLE: "1",
    event_pb2.NOTE_TYPE_HALF: "2",
    event_pb2.NOTE_TYPE_QUARTER: "4",
    event_pb2.NOTE_TYPE_EIGHTH: "8",
    event_pb2.NOTE_TYPE_16TH: "16",
    event_pb2.NOTE_TYPE_32ND: "32",
    event_pb2.NOTE_TYPE_64TH: "64",
    event_pb2.NOTE_TYPE_128TH: "128",
}
ARTICULATIONS = {
    direction_pb2.ARTICULATION_KIND_STACCATO: "\\staccato",
    direction_pb2.ARTICULATION_KIND_STACCATISSIMO: "\\staccatissimo",
    direction_pb2.ARTICULATION_KIND_TENUTO: "\\tenuto",
    direction_pb2.ARTICULATION_KIND_ACCENT: "\\accent",
    direction_pb2.ARTICULATION_KIND_STRONG_ACCENT: "\\marcato",
    direction_pb2.ARTICULATION_KIND_DETACHED_LEGATO: "\\portato",
}
ORNAMENTS = {
    direction_pb2.ORNAMENT_KIND_TRILL: "\\trill",
    direction_pb2.ORNAMENT_KIND_TURN: "\\turn",
    direction_pb2.ORNAMENT_KIND_INVERTED_TURN: "\\reverseturn",
    direction_pb2.ORNAMENT_KIND_MORDENT: "\\mordent",
    direction_pb2.ORNAMENT_KIND_INVERTED_MORDENT: "\\prall",
}
DYNAMICS = {"ppp", "pp", "p", "mp", "mf", "f", "ff", "fff", "sf", "sfz", "fz", "rfz", "fp", "sfp"}
ARPEGGIOS = {
    event_pb2.ARPEGGIO_PLAIN: "\\arpeggioNormal",
    event_pb2.ARPEGGIO_UP: "\\arpeggioArrowUp",
    event_pb2.ARPEGGIO_DOWN: "\\arpeggioArrowDown",
}
MISPRINTED = ("barcheck failed", "bar check failed", "cannot find line breaking")
"""What LilyPond says where beats have slipped over a barline, and where a system is wider than the paper."""
VOICE_STYLES = ("\\voiceOne", "\\voiceTwo", "\\voiceThree", "\\voiceFour")
CLEFS = {
    (measure_pb2.CLEF_SIGN_G, 2): "treble",
    (measure_pb2.CLEF_SIGN_G, 1): "french",
    (measure_pb2.CLEF_SIGN_F, 4): "bass",
    (measure_pb2.CLEF_SIGN_F, 3): "varbaritone",
    (measure_pb2.CLEF_SIGN_C, 1): "soprano",
    (measure_pb2.CLEF_SIGN_C, 3): "alto",
    (measure_pb2.CLEF_SIGN_C, 4): "tenor",
}


class UnwritableError(ValueError):
    """The Score holds what this writer cannot say in LilyPond."""


def lilypond_source(score: score_pb2.Score, staff_size: float) -> str:
    """LilyPond source of a Score of one part on two staves.

    Args:
        score: The Score; what the writer does not engrave is not reported, see `engraved_part`.
        staff_size: Height of a staff in points.

    Raises:
        UnwritableError: it has another number of parts or staves, a chord over two staves, or a value without a name.
    """
    if len(score.parts) != 1 or score.parts[0].staff_count != 2:
        raise UnwritableError("not one part on two staves")
    index = ScoreIndex(score)
    staves = []
    for staff in (1, 2):
        voices = sorted({event.voice for event in score.events if event.staff == staff}) or [0]
        streams = [_skips_of_staff(index, staff)]
        streams += [_voice(index, staff, voice) for voice in voices]
        body = "\n".join(f"\\new Voice {{ {stream} }}" for stream in streams)
        staves.append(f'\\new Staff = "{staff}" << {body} >>')
    title = _quoted(score.metadata.title or "Piece")
    composer = _quoted(score.metadata.composer)
    return (
        f'\\version "2.24.0"\n#(set-global-staff-size {staff_size:g})\n'
        f"\\header {{ title = {title} composer = {composer} tagline = ##f }}\n"
        "\\score { \\new PianoStaff \\with { connectArpeggios = ##t } << "
        + "\n".join(staves)
        + " >> \\layout { } \\midi { } }\n"
    )


def engraved_part(score: score_pb2.Score) -> score_pb2.Score:
    """A copy of the Score with only what `lilypond_source` engraves: the truth of the page."""
    kept = score_pb2.Score()
    kept.CopyFrom(score)
    index = ScoreIndex(score)
    spanners = [s for s in kept.spanners if _is_engraved(index, s)]
    directions = [d for d in kept.directions if _direction_text(d)]
    del kept.spanners[:], kept.directions[:]
    kept.spanners.extend(spanners)
    kept.directions.extend(directions)
    _end_hairpins(kept)
    return kept


def _end_hairpins(score: score_pb2.Score) -> None:
    """Lets hairpins end where LilyPond ends them: at the next dynamic or hairpin of their staff."""
    hairpins = [spanner for spanner in score.spanners if spanner.HasField("hairpin")]
    for hairpin in hairpins:
        ticks = [h.start_ticks for h in hairpins if h.staff == hairpin.staff]
        ticks += [d.onset_ticks for d in score.directions if d.HasField("dynamic") and d.staff == hairpin.staff]
        hairpin.end_ticks = min([hairpin.end_ticks, *(t for t in ticks if t > hairpin.start_ticks)])


def _is_engraved(index: ScoreIndex, spanner: spanner_pb2.Spanner) -> bool:
    kind = spanner.WhichOneof("kind")
    if kind == "slur":
        ends = [index.events.get(spanner.event_ids[0]), index.events.get(spanner.event_ids[-1])]
        return all(e is not None and e.grace.ByteSize() == 0 for e in ends) and len({e.voice for e in ends if e}) == 1
    if kind == "trill_line":
        return _after_trill(index, spanner) is not None
    if kind == "glissando":
        events = [index.events[event_id] for event_id in spanner.event_ids]
        ends = events[0].onset_ticks + events[0].duration_ticks
        return events[-1].onset_ticks == ends and len({(e.staff, e.voice) for e in events}) == 1
    if kind == "pedal":
        return not spanner.pedal.open_ended and spanner.end_ticks > spanner.start_ticks
    return kind in ("tie", "beam_group", "tuplet", "octave_line", "hairpin", "arpeggio_across")


def _after_trill(index: ScoreIndex, spanner: spanner_pb2.Spanner) -> event_pb2.Event | None:
    """The event of its voice at which the line of a trill stops: the last it covers, or what follows its only one."""
    first, last = index.events[spanner.event_ids[0]], index.events[spanner.event_ids[-1]]
    if first.HasField("grace"):
        return None
    if last.event_id != first.event_id:
        return last if (last.voice, last.staff) == (first.voice, first.staff) else None
    end = first.onset_ticks + first.duration_ticks
    own = (e for e in index.score.events if (e.voice, e.staff) == (first.voice, first.staff))
    return next((e for e in own if e.onset_ticks == end and not e.HasField("grace")), None)


def _direction_text(direction: direction_pb2.Direction) -> str:
    """What follows the note or skip the direction belongs to; empty for what is not engraved."""
    kind = direction.WhichOneof("kind")
    side = {1: "^", 2: "_"}.get(direction.placement, "-")
    text = ""
    if kind == "dynamic" and direction.dynamic.text in DYNAMICS:
        text = f"\\{direction.dynamic.text}"
    elif kind == "articulation" and direction.event_id:
        text = _sided(side, ARTICULATIONS.get(direction.articulation.kind, ""))
    elif kind == "ornament" and direction.event_id:
        text = _sided("^", ORNAMENTS.get(direction.ornament.kind, ""))
    elif kind == "fermata" and direction.event_id:
        text = f"{side}\\fermata"
    elif kind == "words":
        text = f"{side}\\markup \\italic {_quoted(direction.words.text)}"
    return text


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "").replace('"', "'").replace("\n", " ") + '"'


def _sided(side: str, text: str) -> str:
    return f"{side}{text}" if text else ""


def _pitch(note: event_pb2.Note) -> str:
    letter = STEPS[note.pitch.step]
    octave = (note.midi_pitch - note.pitch.alter - SEMITONES[letter]) // 12 - 1
    marks = "'" * (octave - 3) if octave >= 3 else "," * (3 - octave)
    force = "!" if note.HasField("accidental") else ""
    return letter + ALTERS[note.pitch.alter] + marks + force


def _length(ticks: int, divisions: int) -> str:
    """A skip of any length: whole notes times a fraction."""
    whole = Fraction(ticks, 4 * divisions)
    return f"1*{whole.numerator}/{whole.denominator}"


def _value(event: event_pb2.Event) -> str:
    if event.type not in TYPES:
        raise UnwritableError("a note value without a name in LilyPond")
    return TYPES[event.type] + "." * event.dots


def _voice(index: ScoreIndex, staff: int, voice: int) -> str:
    """One voice over the whole piece; gaps are skips."""
    score = index.score
    out: list[str] = ["\\autoBeamOff"]
    order = _voices_by_measure(score, staff)
    on_staff = staff
    for number, measure in enumerate(score.measures):
        place = order[number].index(voice) if voice in order[number] else 0
        several = len(order[number]) > 1
        out.append(VOICE_STYLES[min(place, 3)] if several else "\\oneVoice")
        over = place == 0 if several else staff == 1
        out.append(f"\\set fingeringOrientations = #'({'up' if over else 'down'})")
        now = measure.onset_ticks
        graces: list[str] = []
        slashed = False
        for event in index.events_in(number, staff=staff, voice=voice):
            if event.HasField("grace"):
                if event.grace.after:
                    raise UnwritableError("a grace after its note")
                graces.append(_event(index, event, plain=True))
                slashed = slashed or event.grace.slash
                continue
            if event.onset_ticks < now:
                raise UnwritableError("a voice overlaps itself")
            if event.onset_ticks > now:
                out.append("s" + _length(event.onset_ticks - now, score.divisions))
            wanted = _staff_of(event, staff)
            if wanted != on_staff:
                out.append(f'\\change Staff = "{wanted}"')
                on_staff = wanted
            if graces:
                group = f"{graces[0]} [ {' '.join(graces[1:])} ]" if len(graces) > 1 else graces[0]
                out.append(("\\slashedGrace" if slashed and len(graces) == 1 else "\\grace") + f" {{ {group} }}")
                graces = []
            out.append(_event(index, event))
            now = event.onset_ticks + event.duration_ticks
        if graces:
            raise UnwritableError("a grace without its note")
        end = measure.onset_ticks + measure.length_ticks
        if now < end:
            out.append("s" + _length(end - now, score.divisions))
        elif now > end:
            raise UnwritableError("a voice is longer than its measure")
        out.append("|")
    return "\n".join(out)


def _voices_by_measure(score: score_pb2.Score, staff: int) -> dict[int, list[int]]:
    voices: dict[int, set[int]] = defaultdict(set)
    for event in score.events:
        if event.staff == staff and not (event.HasField("rest") and event.rest.hidden):
            voices[event.measure_index].add(event.voice)
    return defaultdict(list, {number: sorted(found) for number, found in voices.items()})


def _staff_of(event: event_pb2.Event, home: int) -> int:
    staves = {note.staff for note in event.notes} or {home}
    if len(staves) > 1:
        raise UnwritableError("a chord over two staves")
    return staves.pop()


def _event(index: ScoreIndex, event: event_pb2.Event, plain: bool = False) -> str:
    """A chord or rest with what hangs on it; `plain` leaves beams, tuplets and slurs out (graces)."""
    if event.HasField("rest"):
        if event.rest.hidden:
            text = "s" + _length(event.duration_ticks, index.score.divisions)
        elif event.rest.whole_measure:
            text = "R" + _length(event.duration_ticks, index.score.divisions)
        else:
            text = "r" + _value(event)
    else:
        if not plain and event_quarters(event) != Fraction(event.duration_ticks, index.score.divisions):
            raise UnwritableError("a note that sounds for another time than it is written")
        heads = [_pitch(note) + _note_marks(index, note) for note in event.notes]
        text = f"<{' '.join(heads)}>{_value(event)}"
    if event.tremolo_strokes:
        text += f":{8 * 2 ** (event.tremolo_strokes - 1)}"
    if plain:
        return text
    trilled = {s.event_ids[0] for s in index.score.spanners if s.HasField("trill_line") and _is_engraved(index, s)}
    for direction in index.directions_of_event(event.event_id):
        # the line of a trill begins with its sign
        trill = direction.ornament.kind == direction_pb2.ORNAMENT_KIND_TRILL and event.event_id in trilled
        text += "" if trill or direction.HasField("dynamic") else _direction_text(direction)
    opening, closing = "", ""
    for spanner in index.spanners_of_event(event.event_id):
        first, last = event.event_id == spanner.event_ids[0], event.event_id == spanner.event_ids[-1]
        kind = spanner.WhichOneof("kind")
        if kind == "tuplet":
            ratio = spanner.tuplet.ratio
            opening += f"\\tuplet {ratio.actual}/{ratio.normal} {{ " if first else ""
            closing += " }" if last else ""
        elif kind == "beam_group":
            text += " [" if first else " ]" if last else ""
        elif kind == "slur" and _is_engraved(index, spanner):
            mark = f'\\="{spanner.spanner_id}"'
            text += f" {mark}(" if first else f" {mark})" if last else ""
        elif kind == "glissando" and first and _is_engraved(index, spanner):
            text += " \\tweak style #'trill \\glissando" if spanner.glissando.wavy else " \\glissando"
    for spanner in index.score.spanners:
        if spanner.HasField("trill_line") and _is_engraved(index, spanner):
            text += " \\startTrillSpan" if event.event_id == spanner.event_ids[0] else ""
            after = _after_trill(index, spanner)
            text += " \\stopTrillSpan" if after is not None and after.event_id == event.event_id else ""
    if event.arpeggio in ARPEGGIOS:
        opening += ARPEGGIOS[event.arpeggio] + " "
        text += "\\arpeggio"
    covered = len(index.spanners_of_event(event.event_id, "tuplet"))
    if covered != len(event.tuplet_ratios):
        raise UnwritableError("a tuplet without a bracket or number")
    return opening + text + closing


def _note_marks(index: ScoreIndex, note: event_pb2.Note) -> str:
    marks = "~" if index.next_tied(note.note_id) else ""
    if any(s.tie.laissez_vibrer and s.start_note_id == note.note_id for s in index.score.spanners):
        marks += "\\laissezVibrer"
    fingering = note.fingering
    if fingering.finger and fingering.substitution:
        marks += f'-\\tweak text #"{fingering.finger}-{fingering.substitution}" -{fingering.finger}'
    elif fingering.finger:
        marks += f"-{fingering.finger}"
    return marks


def _skips_of_staff(index: ScoreIndex, staff: int) -> str:
    """The stream that carries clefs, keys, meters, barlines, octave lines, pedals, dynamics, words."""
    score = index.score
    commands: dict[int, list[str]] = defaultdict(list)
    after: dict[int, list[str]] = defaultdict(list)
    end = score.measures[-1].onset_ticks + score.measures[-1].length_ticks
    whole = 4 * score.divisions
    nominal = Fraction(0)
    key = None
    for before, measure in zip([None, *score.measures], score.measures, strict=False):
        here = commands[measure.onset_ticks]
        meter = measure.time_signature
        length = Fraction(measure.length_ticks, whole)
        if measure.time_signature_printed:
            symbol = "\\defaultTimeSignature" if meter.symbol else "\\numericTimeSignature"
            here.append(f"{symbol} \\time {sum(meter.beats)}/{meter.beat_type}")
            nominal = Fraction(sum(meter.beats), meter.beat_type)
        if staff == 1:
            here.append(f"\\set Timing.measureLength = #(ly:make-moment {length.numerator}/{length.denominator})")
            here.extend(_bar_commands(measure, before))
        fifths = measure.key_signatures[0].fifths if measure.key_signatures else 0
        if fifths != key and (key is not None or fifths):
            here.append(f"\\key {_major(fifths)} \\major")
        key = fifths
    if nominal == 0:
        raise UnwritableError("no meter")
    for clef in score.clefs:
        if clef.staff == staff:
            name = CLEFS.get((clef.sign, clef.line))
            if name is None or clef.octave_change:
                raise UnwritableError("a clef without a name")
            commands[clef.onset_ticks].append(f'\\clef "{name}"')
    if staff == 1:
        for measure in score.measures:
            bar = _right_bar(measure)
            if bar:
                commands[measure.onset_ticks + measure.length_ticks].insert(0, f'\\bar "{bar}"')
    for spanner in score.spanners:
        if spanner.staff == staff and spanner.HasField("octave_line"):
            commands[spanner.start_ticks].append(f"\\ottava #{spanner.octave_line.octaves}")
            commands[spanner.end_ticks].insert(0, "\\ottava #0")
        elif spanner.staff == staff and spanner.HasField("pedal") and _is_engraved(index, spanner):
            style = "bracket" if spanner.pedal.line else "text"
            commands[spanner.start_ticks].append(f"\\set Staff.pedalSustainStyle = #'{style}")
            after[spanner.end_ticks].insert(0, "\\sustainOff")
            after[spanner.start_ticks].append("\\sustainOn")
            for tick in spanner.pedal.change_ticks:
                after[tick].append("\\sustainOff\\sustainOn")
        elif spanner.staff == staff and spanner.HasField("hairpin") and spanner.end_ticks > spanner.start_ticks:
            after[spanner.start_ticks].append(
                "\\<" if spanner.hairpin.kind == spanner_pb2.HAIRPIN_KIND_CRESCENDO else "\\>"
            )
            after[spanner.end_ticks].append("\\!")
    for direction in score.directions:
        if direction.staff == staff and (not direction.event_id or direction.HasField("dynamic")):
            text = _direction_text(direction)
            if text:
                after[direction.onset_ticks].append(text)
    return _stream(commands, after, end, score.divisions)


def _stream(commands: dict[int, list[str]], after: dict[int, list[str]], end: int, divisions: int) -> str:
    ticks = sorted({0, end, *commands, *after})
    out = []
    for here, following in zip(ticks, [*ticks[1:], None], strict=True):
        out.extend(commands.get(here, ()))
        if following is not None:
            out.append("s" + _length(following - here, divisions) + "".join(after.get(here, ())))
    return "\n".join(out)


def _bar_commands(measure: measure_pb2.Measure, before: measure_pb2.Measure | None) -> Iterable[str]:
    volta = ["(volta #f)"] if before is not None and before.ending.stops else []
    if measure.ending.starts:
        volta.append(f'(volta "{measure.ending.text or measure.ending.numbers[0]}")')
    if measure.left_barline.repeat == measure_pb2.REPEAT_DIRECTION_FORWARD:
        ends = before is not None and before.right_barline.repeat == measure_pb2.REPEAT_DIRECTION_BACKWARD
        yield '\\bar ":..:"' if ends else '\\bar ".|:"'
    if volta:
        yield f"\\set Score.repeatCommands = #'({' '.join(volta)})"


def _right_bar(measure: measure_pb2.Measure) -> str:
    if measure.right_barline.repeat == measure_pb2.REPEAT_DIRECTION_BACKWARD:
        return ":|."
    styles = {
        measure_pb2.BARLINE_STYLE_LIGHT_LIGHT: "||",
        measure_pb2.BARLINE_STYLE_LIGHT_HEAVY: "|.",
        measure_pb2.BARLINE_STYLE_DASHED: "!",
        measure_pb2.BARLINE_STYLE_NONE: "",
    }
    return styles.get(measure.right_barline.style, "")


def _major(fifths: int) -> str:
    names = ["ces", "ges", "des", "aes", "ees", "bes", "f", "c", "g", "d", "a", "e", "b", "fis", "cis"]
    return names[fifths + 7]


def struck_pitches(score: score_pb2.Score, merged: bool) -> Counter[int]:
    """MIDI pitches with how often they are struck, graces included.

    With `merged` a key struck while it sounds in another voice does not count, as in some of LilyPond's MIDI.
    """
    index = ScoreIndex(score)
    struck: Counter[int] = Counter()
    sounding: dict[int, int] = {}
    for event in sorted(score.events, key=lambda e: (e.onset_ticks, -e.duration_ticks)):
        for note in event.notes:
            if index.previous_tied(note.note_id) is not None:
                continue
            grace = event.HasField("grace")
            if grace or not merged or sounding.get(note.midi_pitch, 0) <= event.onset_ticks:
                struck[note.midi_pitch] += 1
            if not grace:
                end = index.sounding_end(note.note_id)
                sounding[note.midi_pitch] = max(end, sounding.get(note.midi_pitch, 0))
    return struck


def midi_pitches(path: Path) -> Counter[int]:
    """MIDI pitches of a file with how often they are struck."""
    messages = (message for track in mido.MidiFile(path).tracks for message in track)
    return Counter(m.note for m in messages if m.type == "note_on" and m.velocity > 0)


def main() -> int:
    parser = argparse.ArgumentParser(description="Engraves MusicXML with LilyPond and writes what was engraved.")
    parser.add_argument("source", type=Path, help="MusicXML of a piano piece")
    parser.add_argument("stem", type=Path, help="writes STEM.ly, STEM.pdf and the truth STEM.musicxml")
    parser.add_argument("--staff-size", type=float, default=18, help="height of a staff in points")
    args = parser.parse_args()
    try:
        score = engraved_part(read_musicxml(args.source.read_bytes()))
        args.stem.with_suffix(".ly").write_text(lilypond_source(score, args.staff_size), encoding="utf-8")
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    command = ["lilypond", "--loglevel=WARN", "-o", args.stem, args.stem.with_suffix(".ly")]
    said = subprocess.run(command, check=True, timeout=240, capture_output=True, text=True).stderr
    if any(warning in said for warning in MISPRINTED):
        print(said, file=sys.stderr)
        return 1
    midi = next(iter(sorted(args.stem.parent.glob(f"{args.stem.name}*.mid*"))), None)
    if midi is None or midi_pitches(midi) not in [struck_pitches(score, merged) for merged in (False, True)]:
        print("LilyPond plays other notes than the source's", file=sys.stderr)
        return 1
    args.stem.with_suffix(".musicxml").write_bytes(musicxml_bytes(score))
    return 0


if __name__ == "__main__":
    sys.exit(main())
