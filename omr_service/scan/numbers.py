"""The numbers in a page's margins: its own is among them where it is printed."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from etude.inference import onnxruntime
from omr_service.scan.ink import PAPER, Grey
from omr_service.scan.normal_page import NormalPage
from omr_service.scan.staff_evidence import SPACE, Floats

WEIGHTS = Path(__file__).parent / "weights" / "digits.onnx"
SIDE = 24
"""Pixels of a side of the picture of one sign."""
_INSIDE = 20
"""Pixels of its longer side, of these."""
_CLEAR = 1.5
"""Staff spaces between the outer staves and a number in the margin at least."""
_CORNER = 0.08
"""Part of the width of the staves within which, from their ends, a page's number stands; or from their middle."""
_HEIGHT = (0.8, 3.2)
"""Staff spaces that a digit is high."""
_LINE = 2.0
"""Staff spaces up to which numbers are in one line with the outermost one."""
_MOST_SIGNS = 60
"""Signs in a margin from which on it holds a text."""
_SURE = 0.6


@dataclass(frozen=True, slots=True)
class _Sign:
    """Ink that belongs together: a box, in pixels."""

    x0: int
    y0: int
    x1: int
    y1: int


def margin_numbers(page: NormalPage) -> tuple[int, ...]:
    """The numbers of up to four digits that stand in the outermost line over or under the staves of a page, at its
    corners or in its middle.

    Args:
        page: The page; without staves it has no margins.
    """
    if not page.staves:
        return ()
    top = int(min(s.lines[0] for s in page.staves) - _CLEAR * SPACE)
    bottom = int(max(s.lines[-1] for s in page.staves) + _CLEAR * SPACE)
    left, right = min(s.x0 for s in page.staves), max(s.x1 for s in page.staves)
    reach = _CORNER * (right - left)
    found: list[int] = []
    for start, end, outwards in ((0, top, -1), (bottom, page.pixels.shape[0], 1)):
        if end - start > SPACE:
            for x, number in _numbers_in(page.pixels[start:end], outwards):
                if not left + reach < x < right - reach or abs(x - (left + right) / 2) < reach / 2:
                    found.append(number)
    return tuple(found)


def _numbers_in(strip: Grey, outwards: int) -> list[tuple[float, int]]:
    """Numbers, with their places across, in the line of a strip that is nearest to the edge of the page: the top (-1)
    or the bottom (1)."""
    ink = (strip < PAPER // 2).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    low, high = _HEIGHT[0] * SPACE, _HEIGHT[1] * SPACE
    boxes = [_Sign(x, y, x + w, y + h) for x, y, w, h, _ in (tuple(map(int, row)) for row in stats[1:count])]
    # what reaches out of the strip towards the music is the music's
    boxes = [b for b in boxes if (b.y1 < len(strip) if outwards < 0 else b.y0 > 0) and b.y1 - b.y0 >= 0.3 * SPACE]
    signs = sorted(_whole(boxes), key=lambda s: s.x0)
    tall = [s for s in signs if low <= s.y1 - s.y0 <= high and s.x1 - s.x0 <= high]
    if not tall or len(signs) > _MOST_SIGNS:
        return []
    edge = min(s.y0 for s in tall) if outwards < 0 else max(s.y1 for s in tall)
    line = [s for s in tall if abs((s.y0 if outwards < 0 else s.y1) - edge) <= _LINE * SPACE]
    probabilities = read_signs([ink[s.y0 : s.y1, s.x0 : s.x1] for s in line])
    digits = [int(p[:10].argmax()) if p[:10].max() > _SURE else None for p in probabilities]
    numbers: list[tuple[float, int]] = []
    for word in _words(line):
        if 2 * sum(digits[k] is not None for k in word) < len(word):
            continue  # a word, some letters of which look like digits
        for is_number, run in itertools.groupby(word, key=lambda k: digits[k] is not None):
            signs_of_run = list(run)
            text = "".join(str(digits[k]) for k in signs_of_run)
            if is_number and len(text) <= 4 and text[0] != "0":
                numbers.append(((line[signs_of_run[0]].x0 + line[signs_of_run[-1]].x1) / 2, int(text)))
    return numbers


def _whole(boxes: list[_Sign]) -> list[_Sign]:
    """Boxes of ink with those joined that stand over each other: the parts of a broken digit."""
    result: list[_Sign] = []
    for box in sorted(boxes, key=lambda b: b.x0):
        last = result[-1] if result else None
        if last is not None:
            over = min(last.x1, box.x1) - max(last.x0, box.x0)
            apart = max(last.y0, box.y0) - min(last.y1, box.y1)
            if over > 0.5 * min(last.x1 - last.x0, box.x1 - box.x0) and apart < 0.4 * SPACE:
                result[-1] = _Sign(
                    min(last.x0, box.x0), min(last.y0, box.y0), max(last.x1, box.x1), max(last.y1, box.y1)
                )
                continue
        result.append(box)
    return result


def _words(line: list[_Sign]) -> list[list[int]]:
    """Positions of the signs that stand close to each other, left to right."""
    words: list[list[int]] = []
    for k, sign in enumerate(line):
        if words and sign.x0 - line[words[-1][-1]].x1 < 0.6 * (sign.y1 - sign.y0):
            words[-1].append(k)
        else:
            words.append([k])
    return words


def picture_of(ink: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The ink of one sign, 0 to 1, brought to the size that signs are read at, its shape kept."""
    height, width = ink.shape
    scale = _INSIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(ink.astype(np.float32), size, interpolation=way)
    result = np.zeros((SIDE, SIDE), np.float32)
    top, left = (SIDE - size[1]) // 2, (SIDE - size[0]) // 2
    result[top : top + size[1], left : left + size[0]] = small
    return result


def read_signs(signs: list[NDArray[np.uint8]]) -> Floats:
    """How probable each digit, and last anything else, is for each of some signs: signs by 11.

    Args:
        signs: Ink, 1 where it is, in the box around each sign.
    """
    if not signs:
        return np.zeros((0, 11), np.float32)
    pictures = np.stack([picture_of(sign) for sign in signs])[:, None]
    return np.asarray(_session().run(None, {"signs": pictures})[0])


@functools.cache
def _session() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(WEIGHTS), options, providers=["CPUExecutionProvider"])
