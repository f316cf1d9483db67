"""What a Standard MIDI File holds: notes, meters, keys, tempos, with times in quarter notes."""

from __future__ import annotations

import io
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction

import mido
from mido.midifiles.meta import KeySignatureError

MAX_BYTES = 16 * 1024 * 1024
MAX_NOTES = 200_000
MAX_QUARTERS = 100_000

_PERCUSSION_CHANNEL = 9
_MAJOR_FIFTHS = {"Cb": -7, "Gb": -6, "Db": -5, "Ab": -4, "Eb": -3, "Bb": -2, "F": -1, "C": 0}
_MAJOR_FIFTHS |= {"G": 1, "D": 2, "A": 3, "E": 4, "B": 5, "F#": 6, "C#": 7}
_MINOR_FIFTHS = {"Ab": -7, "Eb": -6, "Bb": -5, "F": -4, "C": -3, "G": -2, "D": -1, "A": 0}
_MINOR_FIFTHS |= {"E": 1, "B": 2, "F#": 3, "C#": 4, "G#": 5, "D#": 6, "A#": 7}


class MidiError(ValueError):
    """A file that is no Standard MIDI File, is damaged, or holds no music."""


class NoNotesError(MidiError):
    """A file that is whole and holds no notes."""


@dataclass(frozen=True, slots=True)
class MidiNote:
    """A key held from `start` to `end`, in quarter notes; `track` counts the tracks and channels that hold notes."""

    start: Fraction
    end: Fraction
    key: int
    track: int


@dataclass(frozen=True, slots=True)
class MidiMusic:
    """A file's music; lists are in order of time.

    Attributes:
        notes: The notes of all tracks but percussion.
        track_names: Names of the tracks that notes count.
        meters: (time, numerator, denominator).
        keys: (time, fifths, is minor).
        tempos: (time, quarter notes per minute).
        title: Name of the sequence; may be empty.
    """

    notes: tuple[MidiNote, ...]
    track_names: tuple[str, ...]
    meters: tuple[tuple[Fraction, int, int], ...]
    keys: tuple[tuple[Fraction, int, bool], ...]
    tempos: tuple[tuple[Fraction, float], ...]
    title: str


def parse_midi(data: bytes) -> MidiMusic:
    """The music of a Standard MIDI File.

    Raises:
        MidiError: it cannot be read, holds no notes (NoNotesError), or is beyond the bounds.
    """
    if data[:4] != b"MThd":
        raise MidiError("this is no Standard MIDI File: it does not begin with MThd")
    if len(data) > MAX_BYTES:
        raise MidiError(f"the MIDI file is {len(data):,} bytes long; at most {MAX_BYTES:,} are read")
    try:
        file = mido.MidiFile(file=io.BytesIO(data), clip=True)
    except (EOFError, OSError, ValueError, LookupError, TypeError, KeySignatureError) as error:
        # An error without words, as EOFError is, tells of a file that ends too early.
        raise MidiError(f"the MIDI file is damaged: {str(error) or 'it ends within its music'}") from error
    if not 0 < file.ticks_per_beat < 0x8000:
        raise MidiError("the MIDI file counts in time code, not in beats; export it with a resolution per quarter note")
    collector = _Collector(file.ticks_per_beat)
    for track in file.tracks:
        collector.add(track)
    return collector.music()


class _Collector:
    """Collects the events of all tracks."""

    def __init__(self, ticks_per_quarter: int) -> None:
        self._resolution = ticks_per_quarter
        self._notes: list[tuple[Fraction, Fraction, int, tuple[int, int]]] = []
        self._names: dict[int, str] = {}
        self._meters: dict[Fraction, tuple[int, int]] = {}
        self._keys: dict[Fraction, tuple[int, bool]] = {}
        self._tempos: dict[Fraction, float] = {}
        self._tracks = 0
        self._title = ""

    def add(self, track: mido.MidiTrack) -> None:
        """Adds a track."""
        number = self._tracks
        self._tracks += 1
        ticks = 0
        held: dict[tuple[int, int], list[int]] = defaultdict(list)
        for message in track:
            ticks += message.time
            when = Fraction(ticks, self._resolution)
            if when > MAX_QUARTERS:
                raise MidiError(f"the MIDI file is longer than {MAX_QUARTERS:,} quarter notes")
            if message.is_meta:
                self._meta(message, when, number)
            elif message.type == "note_on" and message.velocity > 0:
                held[message.channel, message.note].append(ticks)
            elif message.type in ("note_off", "note_on") and held[message.channel, message.note]:
                self._note(held[message.channel, message.note].pop(0), ticks, message.note, (number, message.channel))
        for (channel, key), starts in held.items():
            for start in starts:  # never let go: it ends with the track
                self._note(start, ticks, key, (number, channel))

    def _note(self, start: int, end: int, key: int, track: tuple[int, int]) -> None:
        if track[1] == _PERCUSSION_CHANNEL:
            return
        if len(self._notes) >= MAX_NOTES:
            raise MidiError(f"the MIDI file holds more than {MAX_NOTES:,} notes")
        times = Fraction(start, self._resolution), Fraction(max(end, start + 1), self._resolution)
        self._notes.append((*times, key, track))

    def _meta(self, message: mido.MetaMessage, when: Fraction, number: int) -> None:
        if message.type == "track_name":
            name = " ".join(message.name.split())
            self._names.setdefault(number, name)
            if number == 0:
                self._title = self._title or name
        elif message.type == "time_signature" and message.denominator in (1, 2, 4, 8, 16, 32, 64):
            self._meters[when] = (max(1, message.numerator), message.denominator)
        elif message.type == "key_signature":
            minor = message.key.endswith("m")
            self._keys[when] = ((_MINOR_FIFTHS if minor else _MAJOR_FIFTHS)[message.key.removesuffix("m")], minor)
        elif message.type == "set_tempo" and message.tempo > 0:
            self._tempos[when] = 60e6 / message.tempo

    def music(self) -> MidiMusic:
        """All that was collected.

        Raises:
            NoNotesError: no notes.
        """
        if not self._notes:
            raise NoNotesError("the MIDI file holds no notes (percussion does not count)")
        sources = sorted({source for *_, source in self._notes})
        place = {source: index for index, source in enumerate(sources)}
        notes = sorted(
            (MidiNote(start, end, key, place[source]) for start, end, key, source in self._notes),
            key=lambda note: (note.start, note.key, note.track),
        )
        named = self._title if len({track for track, _ in sources}) > 1 or sources[0][0] else ""
        return MidiMusic(
            notes=tuple(notes),
            track_names=tuple(self._names.get(track, "") for track, _ in sources),
            meters=tuple((when, *meter) for when, meter in sorted(self._meters.items())),
            keys=tuple((when, *key) for when, key in sorted(self._keys.items())),
            tempos=tuple(sorted(self._tempos.items())),
            title=named,
        )
