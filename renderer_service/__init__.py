"""Writes Scores down: MusicXML, MIDI, SVG, PDF and the annotated original."""
