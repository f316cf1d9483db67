"""A Standard MIDI File of a Score: something to listen to."""

from renderer_service.midi.file import midi_bytes

__all__ = ["midi_bytes"]
