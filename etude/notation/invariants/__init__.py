"""What must hold of a Score, one module per kind of thing; each yields the violations it finds."""
