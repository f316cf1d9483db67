"""Builds small PDFs by hand for the edges of the format."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pikepdf

A5 = (420.0, 595.0)
# One staff of five lines, six points apart, with a barline at each end.
STAFF = "0.6 w " + " ".join(f"50 {500 - 6 * i} m 350 {500 - 6 * i} l S" for i in range(5)) + " 50 476 m 50 500 l S"


def as_bytes(pdf: pikepdf.Pdf, **options: object) -> bytes:
    buffer = io.BytesIO()
    pdf.save(buffer, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def type3_font(pdf: pikepdf.Pdf, glyphs: dict[int, tuple[str, bytes]], widths: Sequence[int]) -> pikepdf.Object:
    """A Type 3 font; `glyphs` gives name and content of each code, in thousandths of an em."""
    differences: list[object] = []
    for code, (name, _) in glyphs.items():
        differences += [code, pikepdf.Name("/" + name)]
    return pdf.make_indirect(
        pikepdf.Dictionary(
            Type=pikepdf.Name.Font,
            Subtype=pikepdf.Name.Type3,
            FontBBox=[0, -1000, 1000, 1000],
            FontMatrix=[0.001, 0, 0, 0.001, 0, 0],
            FirstChar=min(glyphs),
            LastChar=max(glyphs),
            Widths=list(widths),
            Encoding=pikepdf.Dictionary(Type=pikepdf.Name.Encoding, Differences=differences),
            CharProcs=pikepdf.Dictionary(
                {"/" + name: pdf.make_stream(content) for _, (name, content) in glyphs.items()}
            ),
            Resources=pikepdf.Dictionary(),
        )
    )


def helvetica(pdf: pikepdf.Pdf) -> pikepdf.Object:
    return pdf.make_indirect(
        pikepdf.Dictionary(
            Type=pikepdf.Name.Font,
            Subtype=pikepdf.Name.Type1,
            BaseFont=pikepdf.Name("/Helvetica-BoldOblique"),
            Encoding=pikepdf.Name.WinAnsiEncoding,
        )
    )


def one_page(
    content: str | bytes,
    *,
    size: tuple[float, float] = A5,
    resources: dict[str, object] | None = None,
    page_entries: dict[str, object] | None = None,
    pdf: pikepdf.Pdf | None = None,
    **options: object,
) -> bytes:
    """A PDF of one page with the given content."""
    pdf = pdf if pdf is not None else pikepdf.new()
    data = content.encode("latin-1") if isinstance(content, str) else content
    page = pikepdf.Dictionary(
        Type=pikepdf.Name.Page,
        MediaBox=[0, 0, *size],
        Resources=pikepdf.Dictionary({"/" + key: value for key, value in (resources or {}).items()}),
        Contents=pdf.make_stream(data),
    )
    for key, value in (page_entries or {}).items():
        page["/" + key] = value
    pdf.pages.append(pikepdf.Page(pdf.make_indirect(page)))
    return as_bytes(pdf, **options)
