"""Runs jobs: state machine, artifacts and lineage, identity; drives the stages and streams progress."""
