"""What each step of the pipeline does: artifacts in, a stage called, artifacts out."""
