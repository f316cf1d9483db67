"""etude eval: how well music is read and fingered, by the figures of the field."""

import click

from etude.cli.eval_fingering import fingering
from etude.cli.eval_omr import omr


@click.group("eval", short_help="Measure how well music is read and fingered.")
def evaluation() -> None:
    """Measure how well music is read and fingered, against the truth."""


evaluation.add_command(fingering)
evaluation.add_command(omr)
