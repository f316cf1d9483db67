"""Onsets, durations, voices and tuplets of a measure: the bar as a constraint problem."""
