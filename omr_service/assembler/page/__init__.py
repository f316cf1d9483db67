"""What one page shows, step by step: staves, systems, notes, signatures, lines, words, and the measures of all."""
