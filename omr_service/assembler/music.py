"""What is known of a page once its symbols are put together, before pages are joined: frozen and picklable."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from omr_service.assembler.geometry import Barline, System
from omr_service.assembler.page.accidentals import AccidentalSign
from omr_service.assembler.page.meters import MeterSign
from omr_service.assembler.page.signatures import ClefSign, KeySign
from omr_service.symbols import Box


@dataclass(frozen=True, slots=True)
class NoteSign:
    """A notehead of an element.

    Attributes:
        head: Number of the head on the page.
        staff: Position in the system of the staff it is printed on.
        step: Position in half spaces above the staff's bottom line.
        box: Its ink.
        name: SMuFL name of the head.
        accidental: Accidental printed at it.
        confidence: 0 to 1.
    """

    head: int
    staff: int
    step: int
    box: Box
    name: str
    accidental: AccidentalSign | None
    confidence: float


@dataclass(frozen=True, slots=True)
class Element:
    """A chord or a rest.

    Attributes:
        index: Number on the page.
        staff: Position of its staff in the system (of a chord: of the head at the stem's root).
        x: Left edge by which it is aligned.
        x1: Right edge.
        notes: Its notes, lowest first; empty for a rest.
        level: Note value: 0 for a quarter, 1 for an eighth, -2 for a whole note and so on.
        dots: Augmentation dots.
        up: Stem direction, None without a stem.
        tip: Height of the stem's free end; of a rest or stemless chord its middle.
        beam: Number of its beam group on the page; -1 for none.
        small: True for grace and cue size.
        slash: True for a slashed stem.
        tremolo: Number of tremolo strokes.
        rest_step: Position of a rest in half spaces above the bottom line.
        box: Ink of heads or rest.
        confidence: 0 to 1.
        repeat: Of a sign that repeats what stands before it, the bars it repeats; 0 for what is no such sign.
        copied: True for the copy that such a sign stands for: it is not printed.
        between: Number of strokes of a tremolo between this chord and another; 0 for none.
        partner: The other chord of that tremolo by number on the page; -1 for none.
        shared: True when another chord has its stem on the same place: dots, flags and beams may be the other's.
        flagged: True when its stem has flags of its own.
        others: Other ways to read its value, as level, dots and what that costs.
    """

    index: int
    staff: int
    x: float
    x1: float
    notes: tuple[NoteSign, ...]
    level: int
    dots: int
    up: bool | None
    tip: float
    beam: int
    small: bool
    slash: bool
    tremolo: int
    rest_step: float
    box: Box
    confidence: float
    repeat: int = 0
    copied: bool = False
    between: int = 0
    partner: int = -1
    shared: bool = False
    flagged: bool = False
    others: tuple[tuple[int, int, float], ...] = ()

    @property
    def is_rest(self) -> bool:
        """True for a rest."""
        return not self.notes

    @property
    def value(self) -> Fraction:
        """Duration in quarters as written, without tuplets; each of two chords in a tremolo is written with the
        length of both."""
        return self.value_of(self.level, self.dots)

    def value_of(self, level: int, dots: int) -> Fraction:
        """Its duration if its value were another one."""
        base = Fraction(1, 2**level) if level >= 0 else Fraction(2**-level)
        return base * (2 - Fraction(1, 2**dots)) / (2 if self.between else 1)


@dataclass(frozen=True, slots=True)
class TupletSign:
    """A printed tuplet number.

    Attributes:
        number: The number, for example 3.
        normal: What it replaces, where that is printed ("7:4"); 0 otherwise.
        options: Runs of elements it may stand over (by index on the page, left to right), likeliest first; the
            measure decides.
        bracket: True when a bracket is printed.
        certain: False when the number may be something else (a finger).
        box: Ink of the number.
        cost: What it costs to read it as that of a tuplet, where it looks more like something else.
    """

    number: int
    normal: int
    options: tuple[tuple[int, ...], ...]
    bracket: bool
    certain: bool
    box: Box
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class MeasureSigns:
    """A measure of a system.

    Attributes:
        x0, x1: From barline to barline.
        elements: Its chords and rests by x, grace notes among them.
        clefs: Clefs within it or at its start, by x.
        key: Key signature printed at its start.
        meter: Time signature printed in it.
        left: Barline at its left edge, None at the start of a system.
        right: Barline at its right edge, None when the system ends without one.
    """

    x0: float
    x1: float
    elements: tuple[Element, ...]
    clefs: tuple[ClefSign, ...]
    key: KeySign | None
    meter: MeterSign | None
    left: Barline | None
    right: Barline | None


@dataclass(frozen=True, slots=True)
class SystemSigns:
    """A system with its measures; key and meter after the last barline are courtesies and belong to none of them.

    Attributes:
        system: Its staves and barlines.
        measures: Its measures.
        tuplets: Printed tuplet numbers.
        courtesy: True where a key signature stands after the last barline.
    """

    system: System
    measures: tuple[MeasureSigns, ...]
    tuplets: tuple[TupletSign, ...]
    courtesy: bool = False


@dataclass(frozen=True, slots=True)
class CurveSign:
    """A curve with the ways to read it.

    Attributes:
        system: Index of the system on the page.
        box: Its ink.
        above: True when it bulges upwards.
        open_left: It comes from the system before.
        open_right: It goes on in the next system.
        tie_pairs: Pairs of heads (numbers on the page) it can tie, best first; one of a pair is -1 at an open end.
        first: Element (number on the page) at its left end; -1 for none.
        last: Element at its right end; -1 for none.
        dashed: True for a dashed curve.
        tie_costs: Cost of each pair of `tie_pairs`, in staff spaces.
        ringing: Head that it leaves ringing (l.v.) where it is no tie to another: it ends at nothing; -1 for none.
    """

    system: int
    box: Box
    above: bool
    open_left: bool
    open_right: bool
    tie_pairs: tuple[tuple[int, int], ...]
    first: int
    last: int
    dashed: bool
    tie_costs: tuple[float, ...]
    ringing: int = -1


@dataclass(frozen=True, slots=True)
class OctaveSign:
    """An octave line within a system.

    Attributes:
        system: Index of the system on the page.
        staff: Position of the staff whose notes it moves.
        octaves: How far they move: 1 for 8va, -1 for 8vb, 2 for 15ma.
        x0, x1: From where to where it reaches.
        box: Its ink.
    """

    system: int
    staff: int
    octaves: int
    x0: float
    x1: float
    box: Box


@dataclass(frozen=True, slots=True)
class MarkSign:
    """A mark: something that belongs to a chord or a moment.

    Attributes:
        kind: "articulation", "ornament", "fermata", "arpeggio", "finger", "dynamic", "hairpin", "pedal",
            "trill_line", "glissando", "tempo", "words", "harmony", "bar_number", "ending", "segno", "coda", "breath",
            "caesura", "da_capo", "dal_segno", "to_coda" or "fine".
        name: SMuFL name, text or kind within the kind.
        system: Index of the system on the page.
        staff: Position of its staff in the system; -1 for the whole system.
        x0, x1: Horizontal extent; both the middle for something that belongs to a chord.
        box: Its ink.
        above: True when it stands above its staff or chord.
        element: Chord or rest it belongs to, by number on the page; -1 for none.
        head: Notehead it belongs to, by number on the page; -1 for none.
        detail: Of a tempo, "note value, dots, rate" of its metronome mark; of a hairpin, "open" where its arms do not
            meet in a point; of a pedal, "line" where it is one; of an arpeggio, "up" or "down" where it has an arrow;
            of a glissando, the number of the chord it leads to.
        style: "i" for italics, "b" for bold.
    """

    kind: str
    name: str
    system: int
    staff: int
    x0: float
    x1: float
    box: Box
    above: bool
    element: int = -1
    head: int = -1
    detail: str = ""
    style: str = ""


@dataclass(frozen=True, slots=True)
class PageTitles:
    """What a page says of the piece.

    Attributes:
        title, subtitle, composer, rights: Text; empty where there is none.
        part_names: Names left of the first system's staves, by staff position.
    """

    title: str = ""
    subtitle: str = ""
    composer: str = ""
    rights: str = ""
    part_names: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PageMusic:
    """A page.

    Attributes:
        page_number: From 1.
        width, height: In points, as displayed.
        rotation: Degrees, already applied.
        systems: Its systems, top to bottom.
        curves: Its curves.
        octaves: Its octave lines.
        marks: Its marks.
        titles: What it says of the piece.
        starts: Systems within it, by index, over which a new piece's heading stands, with that.
        numbers: Numbers in its margins, its own perhaps among them.
        pictured: True where it was read from a picture, whose thinnest ink may be lost.
    """

    page_number: int
    width: float
    height: float
    rotation: int
    systems: tuple[SystemSigns, ...]
    curves: tuple[CurveSign, ...]
    octaves: tuple[OctaveSign, ...] = ()
    marks: tuple[MarkSign, ...] = ()
    titles: PageTitles = PageTitles()
    starts: tuple[tuple[int, PageTitles], ...] = ()
    numbers: tuple[int, ...] = ()
    pictured: bool = False
