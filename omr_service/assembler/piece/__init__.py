"""What pages say together: order of measures, keys, pitches, rhythm, ties and slurs of a whole piece."""
