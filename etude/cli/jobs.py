"""etude jobs: what a running mesh has done and does."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from etude.cli.connection import connect, run, server_options
from etude.cli.exit_codes import EXIT_FAILED
from etude.cli.outputs import format_names, parse_formats, safe_name
from etude.cli.progress import stage_text
from etude.client import RESTING_STATES, AsyncEtudeClient
from etude.client.files import file_names
from etude.client.json_form import to_json
from etude.client.names import FAILED_STATES, enum_value, short_name, short_names
from etude.job.v1 import job_pb2, job_service_pb2
from etude.mesh.errors import EtudeError
from etude.score.v1 import fingering_pb2
from etude.stage.v1 import fingering_service_pb2

F = TypeVar("F", bound=Callable[..., Any])


def _json_option(command: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="As JSON.")(command)


@click.group(short_help="List, watch and manage the jobs of a running mesh.")
def jobs() -> None:
    """List, watch and manage the jobs of a running mesh (`etude serve`)."""


@jobs.command("list")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(short_names(job_pb2.JobState), case_sensitive=False),
    help="Only jobs in this state; can be given several times.",
)
@click.option("-n", "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="Most jobs shown.")
@server_options
@_json_option
@click.pass_context
def list_jobs(ctx: click.Context, states: tuple[str, ...], limit: int, server: str, as_json: bool) -> None:
    """Show jobs, newest first."""
    wanted = [enum_value(job_pb2.JobState, state, field="state") for state in states]

    async def work() -> list[job_pb2.Job]:
        found: list[job_pb2.Job] = []
        async with connect(server) as client:
            async for job in client.list_jobs(states=wanted, page_size=min(limit, 1000)):
                found.append(job)
                if len(found) == limit:
                    break
        return found

    found = _call(ctx, work())
    if as_json:
        click.echo(json.dumps([to_json(job) for job in found], indent=2, ensure_ascii=False))
        return
    if not found:
        click.echo("No jobs.")
        return
    width = max(len(job.job_id) for job in found)
    for job in found:
        created = job.create_time.ToDatetime().strftime("%Y-%m-%d %H:%M")
        state = short_name(job_pb2.JobState, job.state)
        click.echo(f"{job.job_id:<{width}}  {created}  {state:<20}  {job.source.filename}")


@jobs.command()
@click.argument("job_id")
@server_options
@_json_option
@click.pass_context
def show(ctx: click.Context, job_id: str, server: str, as_json: bool) -> None:
    """Show a job and what it made."""

    async def work() -> tuple[job_pb2.Job, list[Any]]:
        async with connect(server) as client:
            job = await client.get_job(job_id)
            return job, [artifact async for artifact in client.artifacts(job_id)]

    job, artifacts = _call(ctx, work())
    if as_json:
        whole = {**to_json(job), "artifacts": [to_json(artifact) for artifact in artifacts]}
        click.echo(json.dumps(whole, indent=2, ensure_ascii=False))
        return
    summary = job.summary
    click.echo(f"{'job':<12}{job.job_id}")
    click.echo(f"{'file':<12}{job.source.filename} ({job.source.size_bytes:,} bytes)")
    click.echo(f"{'state':<12}{_state_text(job)}")
    if job.HasField("error") and job.error.code:
        click.echo(f"{'error':<12}{job.error.message}")
    click.echo(f"{'created':<12}{job.create_time.ToDatetime():%Y-%m-%d %H:%M:%S} UTC, attempt {job.attempt}")
    if summary.page_count:
        click.echo(f"{'pages':<12}{summary.pages_read} of {summary.page_count} read")
        click.echo(
            f"{'read':<12}{summary.measure_count:,} measures, {summary.note_count:,} notes, "
            f"{summary.fingered_note_count:,} fingered, {summary.doubtful_measure_count:,} measures doubtful"
        )
    for remark in summary.remarks:
        click.echo(f"{'note':<12}{remark}")
    for artifact in artifacts:
        click.echo(f"{'artifact':<12}{artifact.artifact_id}  {artifact.size_bytes:>10,}  {artifact.filename}")


@jobs.command()
@click.argument("job_id")
@click.option("--after", type=click.IntRange(min=0), default=0, metavar="N", help="Only events after number N.")
@server_options
@_json_option
@click.pass_context
def watch(ctx: click.Context, job_id: str, after: int, server: str, as_json: bool) -> None:
    """Show a job's events as they come, until it is at rest. The exit code is 1 when it did not complete."""

    async def work() -> job_pb2.Job:
        async with connect(server) as client:
            async for event in client.watch_job(job_id, after_sequence=after):
                if as_json:
                    click.echo(json.dumps(to_json(event), ensure_ascii=False))
                else:
                    click.echo(_event_text(event))
            return await client.get_job(job_id)

    if _call(ctx, work()).state in FAILED_STATES:
        ctx.exit(EXIT_FAILED)


@jobs.command()
@click.argument("job_id")
@click.option("--reason", default="", help="Why, for the audit trail.")
@server_options
@_json_option
@click.pass_context
def cancel(ctx: click.Context, job_id: str, reason: str, server: str, as_json: bool) -> None:
    """Cancel a job that is not finished."""
    _act(ctx, server, as_json, lambda client: client.cancel(job_id, reason))


@jobs.command()
@click.argument("job_id")
@server_options
@_json_option
@click.pass_context
def retry(ctx: click.Context, job_id: str, server: str, as_json: bool) -> None:
    """Start a job whose reading or fingering failed again."""
    _act(ctx, server, as_json, lambda client: client.retry(job_id))


@jobs.command(short_help="Pin fingers of a completed job.")
@click.argument("job_id")
@click.argument("pins_text", metavar="[NOTE=FINGER]...", nargs=-1)
@click.option("--unpin", "unpinned", metavar="NOTE", multiple=True, help="Take a pin back; can be given several times.")
@click.option("--score", "score_index", type=click.IntRange(min=0), default=0, help="Which piece of the job, from 0.")
@server_options
@_json_option
@click.pass_context
def finger(
    ctx: click.Context,
    job_id: str,
    pins_text: tuple[str, ...],
    unpinned: tuple[str, ...],
    score_index: int,
    server: str,
    as_json: bool,
) -> None:
    """Pin fingers of a completed job: n205=3, n206=4-5 for a change on the key, n7=L2 for the left hand.

    What depends on them is fingered anew and all files are made again; `etude jobs download` fetches them. The ids of
    notes are those of the SVG's elements and of the .ir_v2.json file.
    """
    pins = [_pin(text) for text in pins_text]

    async def work() -> job_service_pb2.UpdateFingeringResponse:
        async with connect(server) as client:
            return await client.update_fingering(job_id, pins, unpin_note_ids=unpinned, score_index=score_index)

    done = _call(ctx, work())
    if as_json:
        click.echo(json.dumps(to_json(done), indent=2, ensure_ascii=False))
    else:
        changed = len(done.changed_note_ids)
        click.echo(f"{job_id}: {changed} note{'s' * (changed != 1)} changed: {' '.join(done.changed_note_ids)}")


_PIN = re.compile(r"(?P<note>[^=]+)=(?P<hand>[RL]?)(?P<finger>[1-5])(-(?P<substitution>[1-5]))?", re.IGNORECASE)


def _pin(text: str) -> fingering_service_pb2.PinnedFingering:
    match = _PIN.fullmatch(text)
    if match is None:
        raise click.UsageError(f"{text!r} is no pin; write for example n205=3, n206=4-5 or n7=L2.")
    hands = {"R": fingering_pb2.HAND_RIGHT, "L": fingering_pb2.HAND_LEFT, "": fingering_pb2.HAND_UNSPECIFIED}
    return fingering_service_pb2.PinnedFingering(
        note_id=match["note"],
        finger=int(match["finger"]),
        substitution=int(match["substitution"] or 0),
        hand=hands[match["hand"].upper()],
    )


@jobs.command()
@click.argument("job_ids", metavar="JOB_ID...", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@server_options
@click.pass_context
def delete(ctx: click.Context, job_ids: tuple[str, ...], yes: bool, server: str) -> None:
    """Delete jobs with all they made."""
    if not yes:
        click.confirm(f"Delete {len(job_ids)} job{'s' * (len(job_ids) > 1)} with all files?", abort=True, err=True)

    async def work() -> None:
        async with connect(server) as client:
            for job_id in job_ids:
                await client.delete(job_id)
                click.echo(f"{job_id}: deleted")

    _call(ctx, work())


@jobs.command()
@click.argument("job_id")
@click.option(
    "-o",
    "--output",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Directory for the files; made if missing.  [default: .]",
)
@click.option(
    "--formats", "formats_text", default="", metavar="LIST", help=f"With commas, of {format_names()}.  [default: all]"
)
@server_options
@_json_option
@click.pass_context
def download(ctx: click.Context, job_id: str, directory: Path, formats_text: str, server: str, as_json: bool) -> None:
    """Write the files a job made. Existing files of the same names are replaced."""
    formats = parse_formats(formats_text)

    async def work() -> list[Path]:
        async with connect(server) as client:
            job = await client.get_job(job_id)
            artifacts = [artifact async for artifact in client.artifacts(job_id)]
            source = directory / job.source.filename
            written = []
            for artifact, name in file_names(artifacts, Path(job.source.filename).stem):
                if artifact.kind in formats.kinds:
                    path = directory / safe_name(directory, name, [source])
                    written.append(await client.download(artifact, path))
            if not written and job.state not in RESTING_STATES:
                raise EtudeError(
                    "INVALID_STATE", "The job has made nothing yet; `etude jobs watch` shows how far it is."
                )
            return written

    written = _call(ctx, work())
    if as_json:
        click.echo(json.dumps([str(path) for path in written], indent=2))
        return
    for path in written:
        click.echo(path)


def _act(ctx: click.Context, server: str, as_json: bool, action: Callable[[AsyncEtudeClient], Any]) -> None:
    """Does something to a job and shows what it is then."""

    async def work() -> job_pb2.Job:
        async with connect(server) as client:
            job: job_pb2.Job = await action(client)
            return job

    job = _call(ctx, work())
    if as_json:
        click.echo(json.dumps(to_json(job), indent=2, ensure_ascii=False))
    else:
        click.echo(f"{job.job_id}: {_state_text(job)}")


def _call(ctx: click.Context, work: Any) -> Any:
    return run(work, verbose=ctx.obj["verbose"])


def _state_text(job: job_pb2.Job) -> str:
    state = short_name(job_pb2.JobState, job.state)
    if job.state in RESTING_STATES or not job.progress.stage:
        return state
    return f"{state} ({stage_text(job.progress)}, {job.progress.fraction:.0%})"


def _event_text(event: job_pb2.JobEvent) -> str:
    when = event.time.ToDatetime().strftime("%H:%M:%S")
    if event.kind == job_pb2.JOB_EVENT_KIND_PROGRESS:
        text = f"{stage_text(event.progress)}, {event.progress.fraction:.0%}"
    elif event.kind == job_pb2.JOB_EVENT_KIND_ARTIFACT_CREATED:
        text = f"made {event.artifact_id}"
    elif event.kind == job_pb2.JOB_EVENT_KIND_STATE_CHANGED:
        text = short_name(job_pb2.JobState, event.state)
    else:
        text = ""
    return f"{event.sequence:>5}  {when}  {text}{': ' * bool(text and event.reason)}{event.reason}"
