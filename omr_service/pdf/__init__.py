"""The engraved reader: from the bytes of a PDF to the `PageSymbols` of its pages.

In data-flow order: `document` opens and checks the file; `streams` decodes what a page refers to, within bounds;
`lexer` cuts content into tokens; `interpreter` runs them into `marks`, characters and painted paths in page
coordinates; `fonts` says what a character code means; `names` and `outlines` say which music symbol a character or an
outline is, and `recognize` sorts by both; `paths`, `strokes`, `compose` and `texts` make lines, curves, braces and
words of the rest; `refine` looks at symbols together. `pagereader` ties these together for a page, `reader` for a file.
"""
