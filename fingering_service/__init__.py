"""Decides who plays a note with which finger: a Score in, the same Score fingered (ir_v2) out."""
