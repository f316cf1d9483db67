"""How well music is fingered: predicted fingers compared with those of editions and annotators."""
