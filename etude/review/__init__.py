"""The review: what was read, system by system, under the page it was read from, with what is doubtful marked."""
