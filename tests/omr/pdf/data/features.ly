\version "2.24.0"
#(set-global-staff-size 17)
\header { title = "Feature page" composer = "Étude" }
up = \relative c'' { \clef treble \key es \major \time 3/4 \tempo "Allegro" 4 = 120
 c8-1 d-2 es-3 f-4 g-5 as | \tuplet 3/2 { g8 f es } d4\trill c\turn | <c es g>4\arpeggio r8 c16 d es4-> | \ottava #1 c'4 d es \ottava #0 | c,2.\fermata |
 \grace { d8 } c4 \acciaccatura d8 c4 \appoggiatura d16 c4 | c4\mordent d\prall es\prallprall | c8-. d-- e-^ f-! g-_ a |  b\breve*3/8 | R2.*2 | \repeat volta 2 { c4 d e } \alternative { { f4 e d } { c2. } }
 cis4 cisis4 ceses4 | c32 d e f g a b c b64 a g f e d c b c4 | \time 6/8 c8. d16 e8 f8. g16 a8 | \time 12/8 r1. | \time 2/2 c1\startTrillSpan | c1\stopTrillSpan | \tuplet 5/4 { c8 d e f g } \tuplet 7/4 { c,16 d e f g a b } c4 | <c-1-3 e-5>2 c4-\finger "4-5" d \bar "|." }
dn = \relative c { \clef bass \key es \major \time 3/4 c4\p\sustainOn d\f es\sustainOff | c\sfz d\mf es\pp | <c es g>4\arpeggio r8 c16 d es4\fp | c4\< d es\! | c2.\fermata | c4\> d es\! | c d e | f_\rfz g a |  r2. | R2.*2 | c4 d e | f e d | c2. | \clef treble c''4 d e | \clef bass c, d e | \clef alto e4 d c4 r8 | \clef bass r1. | c1 | r2 r4 r8 r16 r32 r64 r64 | c1 | c2 c }
\score { \new PianoStaff << \new Staff \up \new Staff \dn >> \layout {} }
