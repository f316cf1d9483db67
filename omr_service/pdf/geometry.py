"""Affine matrices as PDF writes them: (a, b, c, d, e, f) maps (x, y) to (a x + c y + e, b x + d y + f)."""

from __future__ import annotations

from math import sqrt

Matrix = tuple[float, float, float, float, float, float]

IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def multiply(m: Matrix, n: Matrix) -> Matrix:
    """Returns the matrix that applies `m` first and `n` after it."""
    a, b, c, d, e, f = m
    p, q, r, s, t, u = n
    return (a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u)


def apply(m: Matrix, x: float, y: float) -> tuple[float, float]:
    """Returns the image of a point."""
    return m[0] * x + m[2] * y + m[4], m[1] * x + m[3] * y + m[5]


def scale_of(m: Matrix) -> float:
    """Returns the factor by which a matrix scales lengths: the root of the factor by which it scales areas."""
    return sqrt(abs(m[0] * m[3] - m[1] * m[2]))


def image_of_box(m: Matrix, x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
    """Returns the smallest upright box (x0, y0, x1, y1) around the image of an upright box."""
    xs = (m[0] * x0 + m[2] * y0, m[0] * x1 + m[2] * y0, m[0] * x0 + m[2] * y1, m[0] * x1 + m[2] * y1)
    ys = (m[1] * x0 + m[3] * y0, m[1] * x1 + m[3] * y0, m[1] * x0 + m[3] * y1, m[1] * x1 + m[3] * y1)
    return min(xs) + m[4], min(ys) + m[5], max(xs) + m[4], max(ys) + m[5]
