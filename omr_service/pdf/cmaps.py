"""CMaps: from the bytes of a string to character codes, and from codes to Unicode."""

from __future__ import annotations

from dataclasses import dataclass, field

from omr_service.pdf.lexer import Close, Name, Open, Token, tokens

MAX_ENTRIES = 70_000


@dataclass(slots=True)
class CMap:
    """What a CMap stream says.

    Attributes:
        code_lengths: Lengths in bytes of the codes, by (length, low, high) of each code space range.
        unicode: Text of each code (ToUnicode CMaps).
        cids: CID of each code (encoding CMaps), single and by range (low, high, first CID).
    """

    code_spaces: list[tuple[int, int, int]] = field(default_factory=list)
    unicode: dict[int, str] = field(default_factory=dict)
    cids: dict[int, int] = field(default_factory=dict)
    cid_ranges: list[tuple[int, int, int]] = field(default_factory=list)

    def cid(self, code: int) -> int:
        """Returns the CID of a code; 0 when it has none."""
        if code in self.cids:
            return self.cids[code]
        for low, high, first in self.cid_ranges:
            if low <= code <= high:
                return first + code - low
        return 0


def _text(data: bytes) -> str:
    if len(data) == 1:
        return chr(data[0])
    return data.decode("utf-16-be", "replace")


def _next_text(data: bytes, offset: int) -> str:
    """Returns the text `offset` places after `data` in a range: its last unit counts up."""
    if not offset:
        return _text(data)
    number = int.from_bytes(data, "big") + offset
    return _text(number.to_bytes(len(data) + 1, "big")[-len(data) :])


def _sections(data: bytes) -> list[tuple[str, list[Token]]]:
    """Returns the operands of each begin...end pair; brackets are kept."""
    found: list[tuple[str, list[Token]]] = []
    operands: list[Token] = []
    for token in tokens(data):
        if isinstance(token, str):
            if token.startswith("end") and token[3:] in _KINDS:
                found.append((token[3:], operands))
            operands = []
        else:
            operands.append(token)
    return found


_KINDS = frozenset({"codespacerange", "bfchar", "bfrange", "cidchar", "cidrange"})


def _groups(operands: list[Token]) -> list[Token | list[Token]]:
    """Returns operands with each bracketed list made one."""
    out: list[Token | list[Token]] = []
    inner: list[Token] | None = None
    for token in operands:
        if token is Open:
            inner = []
        elif token is Close:
            if inner is not None:
                out.append(inner)
            inner = None
        elif inner is not None:
            inner.append(token)
        else:
            out.append(token)
    return out


def parse(data: bytes) -> CMap:
    """Returns what a CMap's text says; entries that make no sense are left out."""
    result = CMap()
    budget = MAX_ENTRIES
    for kind, operands in _sections(data):
        groups = _groups(operands)
        step = 2 if kind in ("codespacerange", "bfchar", "cidchar") else 3
        for index in range(0, len(groups) - step + 1, step):
            budget -= _enter(result, kind, groups[index : index + step], budget)
            if budget <= 0:
                return result
    return result


def _enter(result: CMap, kind: str, entry: list[Token | list[Token]], budget: int) -> int:
    """Enters an entry, or as much of a range as the budget allows; returns how much of the budget it took."""
    first = entry[0]
    if not isinstance(first, bytes) or not first or len(first) > 4:
        return 1
    low = int.from_bytes(first, "big")
    second = entry[1]
    if kind == "bfchar":
        if isinstance(second, bytes) and second:
            result.unicode[low] = _text(second)
        elif isinstance(second, Name):
            result.unicode[low] = second.value
        return 1
    if kind == "cidchar":
        if isinstance(second, float):
            result.cids[low] = int(min(max(second, 0), 65535))
        return 1
    if not isinstance(second, bytes):
        return 1
    high = int.from_bytes(second, "big")
    if kind == "codespacerange":
        if len(second) == len(first):
            result.code_spaces.append((len(first), low, high))
        return 1
    target = entry[2]
    if kind == "cidrange":
        if isinstance(target, float):
            result.cid_ranges.append((low, high, int(min(max(target, 0), 65535))))
        return 1
    span = range(min(high - low + 1, budget))
    if isinstance(target, bytes) and target:
        for offset in span:
            result.unicode[low + offset] = _next_text(target, offset)
    elif isinstance(target, list):
        for offset, item in zip(span, target, strict=False):
            if isinstance(item, bytes) and item:
                result.unicode[low + offset] = _text(item)
    return max(len(span), 1)
