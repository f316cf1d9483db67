"""Trains the symbol detector of the scan reader from engraved pages, whose labels are exact."""
