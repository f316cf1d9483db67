"""The HTTP/JSON face of the mesh; holds no state."""
