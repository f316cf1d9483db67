"""The score engraved anew: SVG pages by Verovio, and one vector PDF of them by Typst."""

from renderer_service.engraving.pages import engraved_pages
from renderer_service.engraving.pdf import pdf_bytes
from renderer_service.engraving.svg import EngravingError, svg_pages

__all__ = ["EngravingError", "engraved_pages", "pdf_bytes", "svg_pages"]
