"""etude annotate."""

import json
import os
from pathlib import Path

import click

from etude.cli.annotating import Plan, annotate_files
from etude.cli.connection import connect, run, token_option
from etude.cli.exit_codes import EXIT_FAILED
from etude.cli.outputs import Formats, check_directory, format_names, parse_formats, stems
from etude.cli.progress import progress_display
from etude.client import job_options
from etude.job.v1 import job_pb2
from etude.mesh.errors import EtudeError

EXAMPLES = """
\b
Examples:
  etude annotate sonata.pdf -o out
  etude annotate *.pdf -o out --hand-size S --density essential
  etude annotate sonata.pdf --formats annotated_pdf,midi --pages 2-5
  etude annotate sonata.mxl prelude.mid -o out
  etude annotate sonata.pdf --server etude.example.org:50050 --json
"""


@click.command(epilog=EXAMPLES, short_help="Finger piano music and write all formats.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Directory for the files written; made if missing. Earlier outputs there are replaced.  [default: .]",
)
@click.option(
    "--formats",
    "formats_text",
    default="",
    metavar="LIST",
    help=f"What to write, with commas, of {format_names()}.  [default: all]",
)
@click.option(
    "--hand-size",
    type=click.Choice(["S", "M", "L"], case_sensitive=False),
    default=None,
    metavar="S|M|L",
    help="Size of the player's hand.  [default: M]",
)
@click.option(
    "--max-span",
    type=click.IntRange(10, 20),
    default=None,
    metavar="SEMITONES",
    help="Widest span between thumb and little finger, 10 to 20 (an octave is 12).",
)
@click.option(
    "--density",
    type=click.Choice(["all", "essential"]),
    default=None,
    help="Show a finger on every note, or only where a teacher would write one.  [default: all]",
)
@click.option(
    "--reader",
    type=click.Choice(["auto", "engraved", "scan"]),
    default=None,
    help="How pages are read.  [default: auto]",
)
@click.option("--pages", default="", metavar="A-B", help="Pages to read: 3, 2-5, 4- or -6.  [default: all]")
@click.option(
    "--pins-from",
    default="",
    metavar="JOB_ID",
    help="Keep the fingers pinned in an earlier job on the same music.",
)
@click.option(
    "--server",
    envvar="ETUDE_SERVER",
    default="",
    metavar="HOST:PORT",
    help="Use a running mesh instead of an own one.  [env: ETUDE_SERVER]",
)
@token_option
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Keep the jobs of the own mesh here, instead of throwing them away.",
)
@click.option(
    "-j",
    "--parallel",
    type=click.IntRange(1, 64),
    default=None,
    metavar="N",
    help="Files worked on at a time.  [default: the number of processors, at most 4]",
)
@click.option("--timeout", type=click.FloatRange(min=1), default=None, metavar="SECONDS", help="Longest for a file.")
@click.option("--overwrite", is_flag=True, help="Replace files that do not look like earlier outputs, too.")
@click.option("--json", "as_json", is_flag=True, help="Report as JSON, one object per line and file.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@click.pass_context
def annotate(
    ctx: click.Context,
    files: tuple[Path, ...],
    directory: Path | None,
    formats_text: str,
    hand_size: str | None,
    max_span: int | None,
    density: str | None,
    reader: str | None,
    pages: str,
    pins_from: str,
    server: str,
    data_dir: Path | None,
    parallel: int | None,
    timeout: float | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Finger the piano music in FILES: PDF, pictures (PNG, JPEG, TIFF), MusicXML (.musicxml, .xml, .mxl), MIDI.

    \b
    Writes, for sonata.pdf:
      sonata.annotated.pdf    your own pages with the finger numbers printed on them
      sonata.review.html      what was read under what is printed, with doubtful places marked
      sonata.pdf              the fingered score engraved anew (sonata.fingered.pdf if that is your file's own name)
      sonata.musicxml  .mid   for notation programs and for listening
      sonata.svg  .2.svg …    engraved pages; the ids of notes are ids of elements
      sonata.ir_v1.json       the score as it was read
      sonata.ir_v2.json       the score with fingering
    A second movement is sonata.mov2.*. Fingers are printed on the pages of PDFs and pictures; of MusicXML and MIDI
    there is no annotated PDF, and sonata.fingered.musicxml stands beside sonata.musicxml.

    A file that fails does not stop the others. The exit code is 0 when all went well, 1 when a file failed, 2 when the
    command line is wrong, 130 when it was interrupted.
    """
    if server and data_dir:
        raise click.UsageError("--data-dir is of the own mesh, which --server replaces; give one of them.")
    formats = parse_formats(formats_text)
    check_directory(directory or Path())
    plan = Plan(
        stems=stems(list(dict.fromkeys(files))),
        directory=directory or Path(),
        options=_options(formats, hand_size, max_span, density, reader, pages, pins_from),
        formats=formats,
        replace=overwrite or directory is not None,
        parallel=parallel or min(os.cpu_count() or 1, 4),
        timeout_s=timeout,
    )
    failed = run(_run(plan, server, data_dir, as_json, quiet or as_json), verbose=ctx.obj["verbose"])
    if failed:
        ctx.exit(EXIT_FAILED)


def _options(
    formats: Formats,
    hand_size: str | None,
    max_span: int | None,
    density: str | None,
    reader: str | None,
    pages: str,
    pins_from: str,
) -> job_pb2.JobOptions:
    try:
        return job_options(
            formats=formats.rendered,
            hand_size=hand_size or "",
            max_span_semitones=max_span or 0,
            density=density or "",
            reader=reader or "",
            pages=pages,
            pins_from_job_id=pins_from,
        )
    except EtudeError as error:
        raise click.UsageError(error.message) from error


async def _run(plan: Plan, server: str, data_dir: Path | None, as_json: bool, quiet: bool) -> int:
    """Does the work and says what became of each file; gives the number of those that failed."""
    failed = 0
    with progress_display(quiet=quiet) as display:
        starting = display.begin("Étude", "connecting" if server else "starting")
        async with connect(server, data_dir) as client:
            starting.finish()
            async for report in annotate_files(client, plan, display):
                failed += report.error is not None
                if as_json:
                    click.echo(json.dumps(report.as_json(), ensure_ascii=False))
                elif report.error is not None:
                    display.say(report.as_text())
                else:
                    display.report(report.as_text())
    return failed
