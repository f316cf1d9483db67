"""Pages that are not what they look like from afar, drawn from nothing: ruled paper, a table, empty music paper, chant
on four lines, tablature under a staff, a keyboard, blinds. Grey, at 300 dpi."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Grey = NDArray[np.uint8]
SIZE = (3508, 2480)
"""Rows and columns of A4."""
_LEFT, _RIGHT = 200, SIZE[1] - 200


def _blank() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("L", (SIZE[1], SIZE[0]), 255)
    return image, ImageDraw.Draw(image)


def _lines(draw: ImageDraw.ImageDraw, top: float, count: int, space: float, width: int = 3) -> None:
    for line in range(count):
        draw.line((_LEFT, top + line * space, _RIGHT, top + line * space), fill=0, width=width)


def ruled_paper() -> Grey:
    """A page of a notebook with a few words on it."""
    image, draw = _blank()
    _lines(draw, 300, 30, 100, 2)
    for row, words in enumerate(("practise bars 12 to 20 slowly", "left hand alone", "lesson on Tuesday at four")):
        draw.text((300, 330 + 300 * row), words, font=ImageFont.load_default(70), fill=60)
    return np.asarray(image)


def table() -> Grey:
    """A table of numbers."""
    image, draw = _blank()
    rng, font = np.random.default_rng(1), ImageFont.load_default(34)
    _lines(draw, 300, 50, 56)
    for x in np.linspace(_LEFT, _RIGHT, 9):
        draw.line((x, 300, x, 300 + 49 * 56), fill=0, width=3)
        for row in range(49 if x < _RIGHT else 0):
            draw.text((x + 40, 308 + row * 56), str(rng.integers(0, 9999)), font=font, fill=0)
    return np.asarray(image)


def music_paper() -> Grey:
    """Empty staves."""
    image, draw = _blank()
    for top in range(300, SIZE[0] - 300, 240):
        _lines(draw, top, 5, 24)
    return np.asarray(image)


def chant() -> Grey:
    """Square notes on staves of four lines, words below."""
    image, draw = _blank()
    rng, font = np.random.default_rng(1), ImageFont.load_default(48)
    for top in range(360, SIZE[0] - 400, 300):
        _lines(draw, top, 4, 32)
        for at, x in enumerate(range(_LEFT + 120, _RIGHT - 60, 80)):
            y = top + int(rng.integers(-1, 7)) * 16
            draw.rectangle((x - 14, y - 14, x + 14, y + 14), fill=0)
            if at % 2 == 0:
                draw.text((x - 20, top + 150), ("Ky", "ri", "e", "lei", "son")[at // 2 % 5], font=font, fill=0)
    return np.asarray(image)


def keyboard() -> Grey:
    """The keys of a piano seen from above."""
    image, draw = _blank()
    draw.rectangle((0, 0, SIZE[1], SIZE[0]), fill=40)
    width = SIZE[1] / 14
    for key in range(14):
        draw.rectangle((key * width + 4, 900, (key + 1) * width - 4, 2600), fill=240)
    for key in (0, 1, 3, 4, 5, 7, 8, 10, 11, 12):
        draw.rectangle(((key + 0.7) * width, 900, (key + 1.3) * width, 1950), fill=15)
    return np.asarray(image)


def blinds() -> Grey:
    """A window with its blinds down."""
    rows = np.arange(SIZE[0])
    light = 140 + 90 * (np.sin(2 * np.pi * rows / 46) > -0.7) * np.linspace(0.4, 1, SIZE[0])
    across = np.linspace(0.7, 1, SIZE[1])
    return np.clip(light[:, None] * across[None, :], 0, 255).astype(np.uint8)


def staff_and_tablature(page: Grey) -> Grey:
    """A guitar's page: under the upper staff of each system tablature in place of the lower one.

    Args:
        page: A page of piano music, of which the first system's upper staff is taken.
    """
    image, draw = _blank()
    rng, font = np.random.default_rng(1), ImageFont.load_default(34)
    ink = np.flatnonzero((page[: SIZE[0] // 2] < 128).mean(1) > 0.5)
    top, bottom = int(ink[0]) - 90, int(ink[0]) + 180
    staff = Image.fromarray(page[top:bottom])
    for y in range(300, SIZE[0] - 700, 620):
        image.paste(staff, (0, y))
        _lines(draw, y + 330, 6, 32)
        for x in range(_LEFT + 130, _RIGHT - 40, 74):
            string = y + 330 + int(rng.integers(0, 6)) * 32
            draw.rectangle((x - 2, string - 14, x + 24, string + 14), fill=255)
            draw.text((x, string - 20), str(rng.integers(0, 13)), font=font, fill=0)
    return np.asarray(image)


def screenshot(page: Grey) -> Grey:
    """What a telephone's screen shows of a page in a reader of files: bars above and below, the page between."""
    image = Image.new("L", (1170, 2532), 30)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(44)
    draw.text((70, 60), "9:41", font=font, fill=255)
    draw.text((400, 180), "sheet.pdf", font=font, fill=255)
    rows = round(page.shape[0] * 1170 / page.shape[1])
    image.paste(Image.fromarray(page).resize((1170, rows), Image.Resampling.LANCZOS), (0, 320))
    for k in range(4):
        draw.ellipse((150 + 260 * k, 2330, 230 + 260 * k, 2410), outline=255, width=6)
    return np.asarray(image)
