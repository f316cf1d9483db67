"""Words and digits set in type, to be printed among the music of a patch: titles, page and bar numbers, fingers."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pypdfium2
import typst
from numpy.typing import NDArray

from omr_service.scan.vocabulary import INDEX, LINE_INDEX, STAFF_SPACE
from omr_service.training.engrave import TEXT_FACES

Floats = NDArray[np.float32]
WORDS = tuple(
    """SONATE No. 12
W. A. MOZART.
Op. 27
Allegro.
Andante con moto
für das Pianoforte
Serie 20. No. 12.
(40)
(65)
(128)
12
212
34
7
10 (44)
B. & H. 1878
Edited by
Presto
cresc.
dim.
dolce
ritard.
a tempo
Fine
D. C. al Fine
Menuetto
VARIATION III
Tema
M. M. = 120
1.
2.
L'istesso tempo
stacc.
sempre legato
ten.
poco
rall.
espress.
marcato
p e leggiero
Nocturne
F. CHOPIN
Revised and fingered by
Printed in Germany
m. d.
m. s.
l. h.
r. h.
simile""".splitlines()
)
"""What stands on pages of piano music beside the music."""
DIGITS = tuple("0123456789")
STYLES = ("", 'weight: "bold"', 'style: "italic"', 'weight: "bold", style: "italic"', "stroke: 0.5pt, fill: white")
_POINTS = 20.0
_FREE = 0.02
"""Ink per pixel up to which a place is empty."""


class TypeCase:
    """Pictures of words and digits in many faces: ink at twice the normal resolution, capitals two spaces high."""

    def __init__(self, rng: np.random.Generator, faces: tuple[str, ...] = TEXT_FACES) -> None:
        """Sets some words, and every digit, in some faces; about a second."""
        self._rng = rng
        digits = [(digit, face, style) for face in faces for style in STYLES[:4] for digit in DIGITS]
        words = [
            (WORDS[i], face, STYLES[int(rng.integers(len(STYLES)))])
            for face in faces
            for i in rng.choice(len(WORDS), 16, replace=False)
        ]
        pictures = _set([*digits, *words])
        self._sets = [pictures[i : i + 10] for i in range(0, len(digits), 10)]
        self._words = pictures[len(digits) :]

    def digits(self) -> list[Floats]:
        """The digits 0 to 9 of some face and style."""
        return self._sets[int(self._rng.integers(len(self._sets)))]

    def print_words(self, ink: Floats, masks: NDArray[np.uint16], ratio: int) -> None:
        """Prints a word or two where nothing is, into a patch's ink and masks."""
        rng = self._rng
        for _ in range(int(rng.integers(1, 4))):
            size = float(np.exp(rng.normal(-0.3, 0.55)))
            picture = sized(self._words[int(rng.integers(len(self._words)))], size * ratio / 2)
            height, width = (side // ratio for side in picture.shape)
            x = int(rng.integers(-width // 2, masks.shape[1] - width // 2))
            y = int(rng.integers(0, max(1, masks.shape[0] - height)))
            if _print(ink, picture, x * ratio, y * ratio):
                masks[y : y + height, max(0, x) : x + width] |= np.uint16(1 << LINE_INDEX["text"])

    def print_fingers(self, ink: Floats, points: Floats, ratio: int) -> Floats:
        """Prints digits over and under noteheads where nothing is; returns the points with theirs."""
        rng = self._rng
        heads = points[points[:, 0] == INDEX["noteheadBlack"]]
        if not len(heads):
            return points
        size = float(rng.uniform(0.5, 0.95))
        digits = self.digits()
        added = []
        for _ in range(int(rng.integers(2, 14))):
            digit = int(rng.integers(1, 6))
            picture = sized(digits[digit], size * ratio / 2)
            height, width = picture.shape
            _, x, y, _, _ = heads[int(rng.integers(len(heads)))]
            x += rng.normal(0.0, 0.25) * STAFF_SPACE
            y += float(rng.choice((-1, 1))) * rng.uniform(1.5, 6.0) * STAFF_SPACE
            left, top = int(x * ratio - width / 2), int(y * ratio - height / 2)
            if left >= 0 and top >= 0 and _print(ink, picture, left, top):
                middle = ((left + width / 2) / ratio, (top + height / 2) / ratio)
                added.append((INDEX[f"fingering{digit}"], *middle, width / ratio, height / ratio))
        return np.concatenate((points, np.array(added, np.float32).reshape(-1, 5)))


def _set(texts: list[tuple[str, str, str]]) -> list[Floats]:
    """Pictures of texts given with face and style."""
    source = [f"#set page(width: auto, height: auto, margin: 4pt)\n#set text(size: {_POINTS}pt)"]
    for i, (text, face, style) in enumerate(texts):
        escaped = text.replace('"', "")
        more = f", {style}" if style else ""
        source.append(f'{"#pagebreak()" if i else ""}#text(font: "{face}"{more})[#"{escaped}"]')
    files: Any = {"main.typ": "\n".join(source).encode()}
    document = pypdfium2.PdfDocument(bytes(typst.compile(files, format="pdf")))
    pictures: list[Floats] = []
    try:
        for number in range(len(document)):
            # a capital of 20 points is 14 points high
            bitmap = document[number].render(scale=2 * 2 * STAFF_SPACE / 14.0, grayscale=True)
            grey = np.asarray(bitmap.to_numpy()).reshape(bitmap.height, bitmap.width)
            ink = np.asarray((255 - grey) / 255.0, np.float32)
            rows, columns = np.flatnonzero(ink.max(axis=1) > 0.3), np.flatnonzero(ink.max(axis=0) > 0.3)
            inside = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if len(rows) else ink[:0]
            pictures.append(inside)
    finally:
        document.close()
    return pictures


def sized(picture: Floats, factor: float, wide: float = 1.0) -> Floats:
    """A picture made larger or smaller by a factor, and wider by another."""
    size = (max(2, round(picture.shape[1] * factor * wide)), max(2, round(picture.shape[0] * factor)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)


def _print(ink: Floats, picture: Floats, left: int, top: int) -> bool:
    """Puts a picture into the ink; returns False, and does nothing, where something is already."""
    height, width = picture.shape
    cut = max(0, -left)
    picture = picture[:, cut:]
    left = max(0, left)
    place = ink[max(0, top - 3) : top + height + 3, max(0, left - 3) : left + width - cut + 3]
    if place.size == 0 or float(place.max()) > 0.3 or float(place.mean()) > _FREE:
        return False
    target = ink[top : top + height, left : left + width - cut]
    np.maximum(target, picture[: target.shape[0], : target.shape[1]], out=target)
    return True
