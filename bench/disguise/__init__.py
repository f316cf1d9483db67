"""Writes engraved pages anew in the manners of other programs, to see that reading does not depend on the manner."""
