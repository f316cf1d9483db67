"""The IR library: exact time, pitch, keys, measures, validation, comparison, reading and writing Scores."""
