"""What drives jobs through the pipeline and survives the death of the process: a port, and its adapter."""
