"""Job options from plain words and numbers, as a command line, a form or a notebook has them."""

import re
from collections.abc import Sequence

from etude.client.names import enum_value
from etude.job.v1 import job_pb2
from etude.mesh.errors import EtudeError
from etude.score.v1 import provenance_pb2
from etude.stage.v1 import fingering_service_pb2, omr_service_pb2, renderer_service_pb2

HAND_SIZES = {"S": "SMALL", "M": "MEDIUM", "L": "LARGE"}
"""The letters of the hand sizes."""

_PAGES = re.compile(r"\s*(?:(?P<only>\d+)|(?P<first>\d+)?\s*-\s*(?P<last>\d+)?)\s*")


def job_options(
    *,
    filename: str = "",
    reader: str = "",
    uncertainty_policy: str = "",
    hand_size: str = "",
    max_span_semitones: int = 0,
    density: str = "",
    formats: Sequence[str] = (),
    fingering_model: str = "",
    pages: str = "",
    pins_from_job_id: str = "",
) -> job_pb2.JobOptions:
    """Job options from words; what is left out is left to the server's defaults and the user's preferences.

    Args:
        filename: Name of the file without directories; told from the source when left out.
        reader: "auto", "engraved" or "scan".
        uncertainty_policy: "keep_alternatives" or "best_only".
        hand_size: "S", "M", "L" or "small", "medium", "large".
        max_span_semitones: Widest span between thumb and little finger, 10 to 20.
        density: "all" or "essential".
        formats: Of "musicxml", "midi", "svg", "pdf", "annotated_pdf", "review"; empty for all.
        fingering_model: Name of the fingering model.
        pages: Pages to read: "3", "2-5", "4-" or "-6".
        pins_from_job_id: An earlier job on the same music whose pinned fingers are to hold again.

    Raises:
        EtudeError: INVALID_REQUEST, naming the field that is wrong.

    >>> job_options(hand_size="S", pages="2-5").last_page
    5
    """
    options = job_pb2.JobOptions(filename=filename, fingering_model=fingering_model, pins_from_job_id=pins_from_job_id)
    if reader:
        options.reader = enum_value(omr_service_pb2.ReaderMode, reader, field="reader")
    if uncertainty_policy:
        policy = enum_value(provenance_pb2.UncertaintyPolicy, uncertainty_policy, field="uncertainty_policy")
        options.uncertainty_policy = policy
    if hand_size:
        name = HAND_SIZES.get(hand_size.strip().upper(), hand_size)
        options.hand_profile.size = enum_value(fingering_service_pb2.HandSize, name, field="hand_size")
    if max_span_semitones:
        if not 10 <= max_span_semitones <= 20:
            raise EtudeError(
                "INVALID_REQUEST",
                f"A span of {max_span_semitones} semitones is not a hand's; give 10 to 20 (an octave is 12).",
                violations=[("max_span_semitones", "must be 10 to 20")],
            )
        options.hand_profile.max_span_semitones = max_span_semitones
    if density:
        options.density = enum_value(fingering_service_pb2.FingeringDensity, density, field="density")
    for name in formats:
        number = enum_value(renderer_service_pb2.OutputFormat, name, field="formats")
        if number not in options.formats:
            options.formats.append(number)
    if pages:
        options.first_page, options.last_page = page_range(pages)
    return options


def page_range(pages: str) -> tuple[int, int]:
    """First and last page of a range in words; 0 stands for an open end.

    Raises:
        EtudeError: INVALID_REQUEST when it is no range.

    >>> page_range("2-5"), page_range("3"), page_range("4-"), page_range("-6")
    ((2, 5), (3, 3), (4, 0), (0, 6))
    """
    match = _PAGES.fullmatch(pages)
    first = last = None
    if match:
        first, last = match["only"] or match["first"], match["only"] or match["last"]
    if first is None and last is None:
        raise _bad_pages(pages, "is no range of pages")
    if (first and int(first) < 1) or (last and int(last) < 1):
        raise _bad_pages(pages, "counts from 0; pages count from 1")
    if first and last and int(first) > int(last):
        raise _bad_pages(pages, "ends before it begins")
    return int(first or 0), int(last or 0)


def _bad_pages(pages: str, what: str) -> EtudeError:
    return EtudeError(
        "INVALID_REQUEST",
        f"{pages!r} {what}; write for example 3, 2-5, 4- or -6.",
        violations=[("pages", what)],
    )
