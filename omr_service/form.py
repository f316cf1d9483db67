"""What is read from pages as bytes that another replica can take up: JSON of the dataclasses, compressed.

The shape follows from the annotations alone, and nothing but the named types is ever made of it: unlike a pickle, it
can be taken from anybody. `fingerprint` names the shape; bytes of another shape are refused.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import json
import types
import typing
import zlib
from collections.abc import Callable
from fractions import Fraction
from typing import Any, TypeVar

T = TypeVar("T")
_Code = Callable[[Any], Any]

_MOST_BYTES = 256 << 20
"""What a reading may come to when it is inflated."""
_ARRAYS = frozenset({"|u1", "<f4", "<f8"})


class FormError(ValueError):
    """These are not bytes of the wanted type."""


def pack(value: object, wanted: Any) -> bytes:
    """The bytes of a value of a dataclass, or of anything made of them, tuples, dicts and plain values."""
    text = json.dumps(_coders(wanted)[0](value), separators=(",", ":"), allow_nan=False)
    return zlib.compress(text.encode(), 1)


def unpack(data: bytes, wanted: type[T]) -> T:
    """The value of some bytes.

    Raises:
        FormError: They hold no such value.
    """
    try:
        inflater = zlib.decompressobj()
        text = inflater.decompress(data, _MOST_BYTES)
        if inflater.unconsumed_tail or not inflater.eof:
            raise FormError("the reading is cut off or too large")
        kind: Any = wanted
        value: T = _coders(kind)[1](json.loads(text))
    except FormError:
        raise
    except (ArithmeticError, AttributeError, KeyError, LookupError, RecursionError, TypeError, ValueError, zlib.error):
        raise FormError("the reading is damaged") from None
    return value


@functools.cache
def fingerprint(wanted: Any) -> str:
    """Names the shape of a type: the same for the same fields of the same types, however deep."""
    return hashlib.sha256(_shape(wanted, ()).encode()).hexdigest()[:16]


def _shape(wanted: Any, above: tuple[Any, ...]) -> str:
    if dataclasses.is_dataclass(wanted) and isinstance(wanted, type):
        if wanted in above:
            return wanted.__name__
        inner = ",".join(f"{name}:{_shape(kind, (*above, wanted))}" for name, kind in _fields(wanted))
        return f"{wanted.__name__}({inner})"
    arguments = typing.get_args(wanted)
    if _is_array(wanted) or not arguments:
        return getattr(typing.get_origin(wanted) or wanted, "__name__", str(wanted))
    name = getattr(typing.get_origin(wanted), "__name__", str(wanted))
    return f"{name}[{','.join(_shape(each, above) for each in arguments)}]"


def _fields(wanted: Any) -> list[tuple[str, Any]]:
    hints = typing.get_type_hints(wanted)
    return [(each.name, hints[each.name]) for each in dataclasses.fields(wanted)]


def _is_array(wanted: Any) -> bool:
    return getattr(typing.get_origin(wanted), "__name__", "") == "ndarray"


@functools.cache
def _coders(wanted: Any) -> tuple[_Code, _Code]:
    """What makes JSON of a value of a type, and the other way round.

    Raises:
        TypeError: No form is known for it.
    """
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if wanted in _PLAIN:
        return _same, _PLAIN[wanted]
    if wanted is Fraction:
        return (lambda value: [value.numerator, value.denominator]), (lambda data: Fraction(*map(_int, data)))
    if dataclasses.is_dataclass(wanted):
        return _of_dataclass(wanted)
    if _is_array(wanted):
        return _array_out, _array_in
    if origin in (types.UnionType, typing.Union) and len(arguments) == 2 and types.NoneType in arguments:
        out, back = _coders(next(each for each in arguments if each is not types.NoneType))
        return (
            lambda value: None if value is None else out(value),
            lambda data: None if data is None else back(data),
        )
    if origin is tuple and arguments[-1] is not Ellipsis:
        pairs = [_coders(each) for each in arguments]
        return (
            lambda value: [out(each) for (out, _), each in zip(pairs, value, strict=True)],
            lambda data: tuple(back(each) for (_, back), each in zip(pairs, data, strict=True)),
        )
    if origin in (tuple, frozenset):
        out, back = _coders(arguments[0])
        return (
            lambda value: [out(each) for each in value],
            lambda data: origin([back(each) for each in _list(data)]),
        )
    if origin is dict:
        (key_out, key_back), (out, back) = (_coders(each) for each in arguments)
        return (
            lambda value: [[key_out(key), out(each)] for key, each in value.items()],
            lambda data: {key_back(key): back(each) for key, each in _list(data)},
        )
    raise TypeError(f"no form is known for {wanted}")


def _of_dataclass(wanted: Any) -> tuple[_Code, _Code]:
    names = [name for name, _ in _fields(wanted)]
    coders: list[tuple[_Code, _Code]] = []

    def known() -> list[tuple[_Code, _Code]]:
        if not coders:  # only now: a class may hold itself
            coders.extend(_coders(kind) for _, kind in _fields(wanted))
        return coders

    def out(value: Any) -> list[Any]:
        return [code(getattr(value, name)) for name, (code, _) in zip(names, known(), strict=True)]

    def back(data: Any) -> Any:
        return wanted(*[code(each) for (_, code), each in zip(known(), _list(data), strict=True)])

    return out, back


def _same(value: Any) -> Any:
    # Scalars of numpy come out as the numbers they are.
    return value if type(value) in _PLAIN or not hasattr(value, "item") else value.item()


def _int(data: Any) -> int:
    if type(data) is not int:
        raise FormError("a whole number is missing")
    return data


def _float(data: Any) -> float:
    if type(data) not in (int, float):
        raise FormError("a number is missing")
    number: float = data  # an integer stays one: what is computed of it must come out the same
    return number


def _str(data: Any) -> str:
    if type(data) is not str:
        raise FormError("a text is missing")
    return data


def _bool(data: Any) -> bool:
    if type(data) is not bool:
        raise FormError("a truth value is missing")
    return data


def _list(data: Any) -> list[Any]:
    if type(data) is not list:
        raise FormError("a list is missing")
    return data


_PLAIN: dict[Any, _Code] = {int: _int, float: _float, str: _str, bool: _bool}


def _array_out(value: Any) -> list[Any]:
    return [value.dtype.str, list(value.shape), base64.b64encode(value.tobytes()).decode()]


def _array_in(data: Any) -> Any:
    import numpy as np  # only pages that were pictures have arrays

    kind, shape, content = data
    if kind not in _ARRAYS:
        raise FormError("there are no such arrays")
    return np.frombuffer(base64.b64decode(content, validate=True), dtype=kind).reshape([_int(n) for n in shape]).copy()
