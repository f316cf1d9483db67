"""Reads sheet music: a document in, Scores (ir_v1) out."""
