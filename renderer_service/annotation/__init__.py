"""The user's own pages with the finger numbers printed on them."""

from renderer_service.annotation.document import AnnotatedPdf, AnnotationError, annotate_pdf

__all__ = ["AnnotatedPdf", "AnnotationError", "annotate_pdf"]
