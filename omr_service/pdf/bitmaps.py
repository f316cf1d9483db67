"""Symbols that a page paints as bitmaps: image masks as black and white dots, and the outlines around their ink.

Printer drivers and TeX make fonts of them (Type 3 fonts of image masks), some programs paint each symbol as one.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pikepdf
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from omr_service.pdf.lexer import Close, Name, Open, Token
from omr_service.pdf.shapes import Shape
from omr_service.pdf.streams import StreamDecodeError, decode, name_text, undo

MAX_DOTS = 1 << 20
"""A mask with more dots is a picture, not a symbol."""
MOST_DOTS_ACROSS = 160
"""Larger masks are traced at a lower resolution: outlines are compared on a much coarser grid."""

Mask = NDArray[np.bool_]
_KEYS = {"W": "Width", "H": "Height", "IM": "ImageMask", "BPC": "BitsPerComponent", "F": "Filter", "D": "Decode"}
_FAX = ("CCITTFaxDecode", "CCF")


def inline_entries(operands: Sequence[Token]) -> dict[str, Any]:
    """Returns the entries of an inline image by their long names; arrays and dictionaries as lists.

    Args:
        operands: Tokens between BI and ID.
    """
    stack: list[list[Any]] = [[]]
    for token in operands:
        if token is Open:
            stack.append([])
        elif token is Close:
            if len(stack) > 1:
                inner = stack.pop()
                stack[-1].append(inner)
        else:
            stack[-1].append(token)
    flat = stack[0]
    entries: dict[str, Any] = {}
    for key, value in zip(flat[::2], flat[1::2], strict=False):
        if isinstance(key, Name):
            entries[_KEYS.get(key.value, key.value)] = value
    return entries


def _fax_parameters(value: Any) -> dict[str, float]:
    if isinstance(value, pikepdf.Dictionary):
        return {str(key)[1:]: float(item) for key, item in value.items() if not isinstance(item, pikepdf.Array)}
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, list):
        return {}
    pairs = zip(value[::2], value[1::2], strict=False)
    return {
        key.value: float(item) if isinstance(item, float) else float(isinstance(item, Name) and item.value == "true")
        for key, item in pairs
        if isinstance(key, Name)
    }


def _unfax(data: bytes, width: int, height: int, parameters: Mapping[str, float]) -> bytes:
    """Returns rows of packed bits, 0 for black as CCITTFaxDecode has it, from fax data.

    Raises:
        StreamDecodeError: they make no sense.
    """
    k = parameters.get("K", 0.0)
    compression, options = (4, 0) if k < 0 else (3, 1 if k > 0 else 0)
    black_is_one = bool(parameters.get("BlackIs1", 0.0))
    tags = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, 1),
        (259, 3, compression),
        (262, 3, 0),
        (273, 4, 8),
        (277, 3, 1),
        (278, 4, height),
        (279, 4, len(data)),
        (292, 4, options),
    ]
    offset = 8 + len(data) + len(data) % 2
    head = struct.pack("<2sHI", b"II", 42, offset)
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    tiff = head + data + b"\0" * (len(data) % 2) + struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)
    try:
        with Image.open(io.BytesIO(tiff)) as image:
            # WhiteIsZero is undone by Pillow: its 0 is black.
            rows = np.asarray(image.convert("1"))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise StreamDecodeError("fax data make no sense") from error
    return np.packbits(~rows if black_is_one else rows, axis=1).tobytes()


def _mask(data: bytes, width: int, height: int, ones_painted: bool) -> Mask | None:
    row = (width + 7) // 8
    bits = np.unpackbits(np.frombuffer(data[: row * height], dtype=np.uint8))
    if len(bits) < row * 8 * height:
        return None
    dots = bits.reshape(height, row * 8)[:, :width].astype(bool)
    return dots if ones_painted else ~dots


def _size(width: Any, height: Any) -> tuple[int, int] | None:
    try:
        size = int(width), int(height)
    except (TypeError, ValueError, OverflowError):
        return None
    return size if min(size) > 0 and size[0] * size[1] <= MAX_DOTS else None


def inline_mask(entries: Mapping[str, Any], data: bytes) -> Mask | None:
    """Returns the dots that an inline image paints, row 0 on top; None when it is no mask or cannot be decoded.

    Args:
        entries: As `inline_entries`.
        data: What stands between ID and EI.
    """
    flag, size = entries.get("ImageMask"), _size(entries.get("Width"), entries.get("Height"))
    if not isinstance(flag, Name) or flag.value != "true" or size is None:
        return None
    filters = entries.get("Filter", [])
    names = [item.value for item in (filters if isinstance(filters, list) else [filters]) if isinstance(item, Name)]
    decoding = entries.get("Decode")
    try:
        if names and names[-1] in _FAX:
            data = undo(data, [f"/{name}" for name in names[:-1]], [], MAX_DOTS)
            data = _unfax(data, *size, _fax_parameters(entries.get("DecodeParms", entries.get("DP"))))
        else:
            data = undo(data, [f"/{name}" for name in names], [], MAX_DOTS)
    except StreamDecodeError:
        return None
    return _mask(data, *size, isinstance(decoding, list) and decoding[:1] == [1.0])


def stream_mask(image: pikepdf.Stream) -> Mask | None:
    """Returns the dots that an image mask paints, row 0 on top; None when it is no mask or cannot be decoded.

    Raises:
        StreamTooLargeError: as `decode`.
    """
    size = _size(image.get("/Width"), image.get("/Height"))
    flag: Any = image.get("/ImageMask")
    if size is None or flag is not True:
        return None
    filters = image.get("/Filter")
    names = [name_text(name) for name in (filters if isinstance(filters, pikepdf.Array) else [filters])]
    decoding = image.get("/Decode")
    try:
        if names[-1].removeprefix("/") in _FAX:
            if len(names) > 1:
                return None
            parameters = image.get("/DecodeParms")
            if isinstance(parameters, pikepdf.Array):
                parameters = parameters[0] if len(parameters) else None
            data = _unfax(bytes(image.read_raw_bytes()), *size, _fax_parameters(parameters))
        else:
            data = decode(image)
    except (StreamDecodeError, pikepdf.PdfError, TypeError, ValueError):
        return None
    return _mask(data, *size, isinstance(decoding, pikepdf.Array) and len(decoding) > 0 and float(decoding[0]) == 1.0)


def trace(mask: Mask) -> Shape | None:
    """Returns the outline of the ink of a mask in the unit square that images fill, y up; None without ink.

    Outer contours run counter-clockwise, holes clockwise; all sides are upright or level.

    Args:
        mask: True where there is ink, row 0 on top.
    """
    step = -(-max(mask.shape) // MOST_DOTS_ACROSS)
    if step > 1:
        rows, columns = (-(-side // step) for side in mask.shape)
        padded = np.zeros((rows * step, columns * step), dtype=np.float32)
        padded[: mask.shape[0], : mask.shape[1]] = mask
        coarse = padded.reshape(rows, step, columns, step).mean(axis=(1, 3)) >= 0.5
        scale = np.array([step / mask.shape[1], step / mask.shape[0]])
    else:
        coarse = mask
        scale = np.array([1.0 / mask.shape[1], 1.0 / mask.shape[0]])
    contours = _contours(coarse)
    if not contours:
        return None
    ops = b"".join(b"m" + b"l" * (len(contour) - 1) + b"h" for contour in contours)
    # Rows count from the top.
    points = np.array([point for contour in contours for point in contour], dtype=np.float64) * scale
    points[:, 1] = 1.0 - points[:, 1]
    return Shape(ops, points)


def _contours(mask: Mask) -> list[list[tuple[int, int]]]:
    """Returns the corners (x, y down) of the contours of a mask, the ink on the left of each as seen with y up."""
    ink = np.pad(mask, 1)
    inner = ink[1:-1, 1:-1]
    follows: dict[tuple[int, int], list[tuple[int, int]]] = {}
    sides = (
        (inner & ~ink[2:, 1:-1], (0, 1), (1, 1)),
        (inner & ~ink[1:-1, 2:], (1, 1), (1, 0)),
        (inner & ~ink[:-2, 1:-1], (1, 0), (0, 0)),
        (inner & ~ink[1:-1, :-2], (0, 0), (0, 1)),
    )
    for where, start, end in sides:
        for y, x in np.argwhere(where).tolist():
            follows.setdefault((x + start[0], y + start[1]), []).append((x + end[0], y + end[1]))
    contours: list[list[tuple[int, int]]] = []
    while follows:
        first = next(iter(follows))
        contour = [first]
        here, heading = first, (0, 0)
        while True:
            ends = follows[here]
            # Where two contours touch at a corner, each turns back to its own ink.
            pick = next((i for i, end in enumerate(ends) if _is_left(heading, here, end)), 0)
            there = ends.pop(pick)
            if not ends:
                del follows[here]
            new = (there[0] - here[0], there[1] - here[1])
            if new == heading:
                contour.pop()
            if there == first:
                contour.append(there)
                break
            contour.append(there)
            here, heading = there, new
        contour.pop()
        contours.append(contour)
    return contours


def _is_left(heading: tuple[int, int], here: tuple[int, int], end: tuple[int, int]) -> bool:
    """Returns whether a step turns left of a heading, y being down."""
    return heading[0] * (end[1] - here[1]) - heading[1] * (end[0] - here[0]) < 0
