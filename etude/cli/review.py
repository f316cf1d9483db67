"""etude review."""

import tempfile
from pathlib import Path

import click

from etude.cli.connection import run
from etude.cli.outputs import check_file
from etude.cli.stages import stage_calls
from etude.client.files import AtomicFile
from etude.stage.v1 import omr_service_pb2

EXAMPLES = """
\b
Examples:
  etude review sonata.pdf                  writes sonata.review.html
  etude review scan.pdf -o review.html --reader scan
"""
_READERS = {
    "auto": omr_service_pb2.READER_MODE_AUTO,
    "engraved": omr_service_pb2.READER_MODE_ENGRAVED,
    "scan": omr_service_pb2.READER_MODE_SCAN,
}


@click.command(epilog=EXAMPLES, short_help="Show what is read under what is printed.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="The HTML file.  [default: FILE.review.html in the current directory]",
)
@click.option(
    "--reader", type=click.Choice(list(_READERS)), default="auto", show_default=True, help="How to read pages."
)
@click.pass_context
def review(ctx: click.Context, file: Path, output: Path | None, reader: str) -> None:
    """Read FILE and write a page that shows what was read under what is printed.

    Each system stands as a picture of the page over the music as it was read, engraved anew: bars that do not add up
    are red, doubtful signs orange, and each doubt is told in words. It is one HTML file without scripts.
    """
    target = output or Path(f"{file.stem}.review.html")
    check_file(target)
    told = run(_write(file, _READERS[reader], target), verbose=ctx.obj["verbose"])
    click.echo(f"{target}: {told}")


async def _write(file: Path, reader: omr_service_pb2.ReaderMode.ValueType, target: Path) -> str:
    """Writes the review; gives what is to be said of it."""
    html, told = await _review(file, reader)
    async with AtomicFile(target) as page:
        await page.write(html.encode())
    return told


async def _review(file: Path, reader: omr_service_pb2.ReaderMode.ValueType) -> tuple[str, str]:
    """The review, and what is to be said of it."""
    from etude.review.document import review_html

    async with stage_calls("omr", "renderer") as stages:
        result = await stages.recognize(file, reader)
        contents = await stages.musicxml(result.scores)
    with tempfile.TemporaryDirectory(prefix="etude-review-") as folder:
        paths = [Path(folder) / f"{number}.musicxml" for number in range(len(contents))]
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content)
        html = review_html(file, result.scores, result.pages, paths)
    bars = sum(len(score.measures) for score in result.scores)
    doubts = sum(len(score.doubts) for score in result.scores)
    return html, f"{bars:,} bar{'s' * (bars != 1)}, {doubts:,} doubt{'s' * (doubts != 1)}"
