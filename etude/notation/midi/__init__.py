"""Standard MIDI Files read into a Score: quantised, split between the hands, spelled, notated."""

from etude.notation.midi.file import MidiError
from etude.notation.midi.reader import read_midi

__all__ = ["MidiError", "read_midi"]
