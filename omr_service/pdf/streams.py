"""Decodes streams of a PDF within a bound on what comes out: a few kilobytes of deflate can hold gigabytes."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from typing import Any

import pikepdf

MAX_STREAM_BYTES = 64 * 1024 * 1024


class StreamTooLargeError(Exception):
    """A stream decodes to more than the bound."""


class StreamDecodeError(Exception):
    """A stream cannot be decoded: unknown filter, or broken beyond what can be salvaged."""


def _flate(data: bytes, limit: int) -> bytes:
    """Returns what deflate yields; a stream cut short or with a wrong checksum yields what came before."""
    for window_bits in (zlib.MAX_WBITS, -zlib.MAX_WBITS):
        decoder = zlib.decompressobj(window_bits)
        out = bytearray()
        pending = data
        try:
            while pending and not decoder.eof:
                out += decoder.decompress(pending, 1 << 20)
                if len(out) > limit:
                    raise StreamTooLargeError
                pending = decoder.unconsumed_tail
        except zlib.error:
            pass
        if out or not data:
            return bytes(out)
    raise StreamDecodeError("deflate data are broken")


def _lzw(data: bytes, limit: int, early_change: int) -> bytes:
    table: list[bytes] = [bytes((i,)) for i in range(256)] + [b"", b""]
    out = bytearray()
    width, bits, held = 9, 0, 0
    previous = b""
    for byte in data:
        held = (held << 8 | byte) & 0xFFFFFFFF
        bits += 8
        if bits < width:
            continue
        bits -= width
        code = held >> bits & (1 << width) - 1
        if code == 256:
            del table[258:]
            width, previous = 9, b""
            continue
        if code == 257:
            break
        if code < len(table):
            entry = table[code]
        elif previous:
            entry = previous + previous[:1]
        else:
            break
        out += entry
        if len(out) > limit:
            raise StreamTooLargeError
        if previous and len(table) < 4096:
            table.append(previous + entry[:1])
        previous = entry
        if len(table) + early_change >= 1 << width and width < 12:
            width += 1
    return bytes(out)


def _run_length(data: bytes, limit: int) -> bytes:
    out = bytearray()
    position = 0
    while position < len(data):
        length = data[position]
        position += 1
        if length < 128:
            out += data[position : position + length + 1]
            position += length + 1
        elif length == 128:
            break
        else:
            out += data[position : position + 1] * (257 - length)
            position += 1
        if len(out) > limit:
            raise StreamTooLargeError
    return bytes(out)


def _ascii85(data: bytes) -> bytes:
    body = data.split(b"~", 1)[0]
    body = re.sub(rb"[^!-uz]", b"", body)
    try:
        return base64.a85decode(body)
    except ValueError as error:
        raise StreamDecodeError(str(error)) from error


def _ascii_hex(data: bytes) -> bytes:
    digits = re.sub(rb"[^0-9A-Fa-f]", b"", data.split(b">", 1)[0])
    return binascii.unhexlify(digits + b"0" * (len(digits) % 2))


def _undo_png_prediction(data: bytes, columns: int, colors: int, bits: int) -> bytes:
    pixel = max(1, colors * bits // 8)
    row_length = (columns * colors * bits + 7) // 8
    out = bytearray()
    above = bytearray(row_length)
    for start in range(0, len(data), row_length + 1):
        kind = data[start]
        row = bytearray(data[start + 1 : start + 1 + row_length])
        for i in range(len(row)):
            left = row[i - pixel] if i >= pixel else 0
            up = above[i]
            corner = above[i - pixel] if i >= pixel else 0
            if kind == 1:
                row[i] = row[i] + left & 0xFF
            elif kind == 2:
                row[i] = row[i] + up & 0xFF
            elif kind == 3:
                row[i] = row[i] + (left + up) // 2 & 0xFF
            elif kind == 4:
                estimate = left + up - corner
                nearest = min((left, up, corner), key=lambda value: abs(estimate - value))
                row[i] = row[i] + nearest & 0xFF
        out += row
        above[: len(row)] = row
    return bytes(out)


def name_text(value: Any) -> str:
    """Returns a name (with its slash) or string of a PDF as text, read as Latin-1 where it is no UTF-8, as old programs
    write."""
    try:
        return str(value)
    except UnicodeDecodeError:
        return re.sub(rb"#([0-9a-f]{2})", lambda m: bytes.fromhex(m[1].decode()), value.unparse()).decode("latin-1")


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, pikepdf.Array):
        return list(value)
    return [value]


def _int(parameters: Any, key: str, default: int, highest: int) -> int:
    value = parameters.get(key, default) if isinstance(parameters, pikepdf.Dictionary) else default
    number = int(value)
    if not 0 <= number <= highest:
        raise StreamDecodeError(f"{key} {number} is out of range")
    return number


def decode(stream: pikepdf.Stream, limit: int = MAX_STREAM_BYTES) -> bytes:
    """Returns the data of a stream with its filters undone.

    Raises:
        StreamTooLargeError: more than `limit` bytes come out of it.
        StreamDecodeError: a filter is unknown (image filters are) or its data make no sense.
    """
    try:
        data = bytes(stream.read_raw_bytes())
        filters = [name_text(name) for name in _as_list(stream.get("/Filter"))]
        parameters = _as_list(stream.get("/DecodeParms"))
    except pikepdf.PdfError as error:
        raise StreamDecodeError(str(error)) from error
    return undo(data, filters, parameters, limit)


def undo(data: bytes, filters: list[str], parameters: list[Any], limit: int) -> bytes:
    """Returns data with filters undone.

    Args:
        data: As they stand in the file.
        filters: Their names, "/FlateDecode" or "/Fl" and so on, in the order in which they are undone.
        parameters: Their dictionaries, in the same order; may be fewer.
        limit: Most bytes to come out.

    Raises:
        StreamTooLargeError, StreamDecodeError: as `decode`.
    """
    if len(data) > limit:
        raise StreamTooLargeError
    if len(filters) > 8:
        raise StreamDecodeError("too many filters")
    try:
        for index, name in enumerate(filters):
            own = parameters[index] if index < len(parameters) else None
            if name in ("/FlateDecode", "/Fl"):
                data = _flate(data, limit)
            elif name in ("/LZWDecode", "/LZW"):
                data = _lzw(data, limit, _int(own, "/EarlyChange", 1, 1))
            elif name in ("/RunLengthDecode", "/RL"):
                data = _run_length(data, limit)
            elif name in ("/ASCII85Decode", "/A85"):
                data = _ascii85(data)
            elif name in ("/ASCIIHexDecode", "/AHx"):
                data = _ascii_hex(data)
            elif name != "/Crypt":
                raise StreamDecodeError(f"filter {name} is not one of text")
            if name in ("/FlateDecode", "/Fl", "/LZWDecode", "/LZW") and _int(own, "/Predictor", 1, 15) >= 10:
                columns = _int(own, "/Columns", 1, 1 << 16)
                data = _undo_png_prediction(
                    data, columns, _int(own, "/Colors", 1, 32), _int(own, "/BitsPerComponent", 8, 16)
                )
    except (TypeError, ValueError) as error:  # a parameter that is no number
        raise StreamDecodeError(str(error)) from error
    return data


def is_whole(stream: pikepdf.Stream) -> bool:
    """Returns whether a stream's data are there to their end; for deflate its end marker says so."""
    try:
        filters = [name_text(name) for name in _as_list(stream.get("/Filter"))]
        data = bytes(stream.read_raw_bytes())
    except pikepdf.PdfError:
        return False
    if filters[:1] not in (["/FlateDecode"], ["/Fl"]):
        return True
    decoder = zlib.decompressobj()
    size = 0
    try:
        while data and not decoder.eof:
            size += len(decoder.decompress(data, 1 << 20))
            if size > MAX_STREAM_BYTES:
                return True
            data = decoder.unconsumed_tail
    except zlib.error:
        return False
    return decoder.eof
