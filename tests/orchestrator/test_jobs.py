"""Jobs from end to end, against stages on real sockets."""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from etude.identity.v1 import identity_service_pb2
from etude.job.v1 import job_pb2, job_service_pb2, job_service_pb2_grpc, model_service_pb2
from etude.job.v1.artifact_service_pb2 import ArtifactKind
from etude.job.v1.job_pb2 import JobEventKind, JobState
from etude.mesh.errors import from_status
from orchestrator import states, watching
from tests.identity.world import running_world
from tests.orchestrator.conftest import Mesh, database_dump, errors, refused, until
from tests.orchestrator.stage_servers import document


async def test_a_job_goes_through_all_stages(mesh: Mesh) -> None:
    job = await mesh.client.create(document(pages=3))
    assert job.state == JobState.JOB_STATE_PENDING
    events = await mesh.client.watch(job.job_id)
    states = [event.state for event in events if event.kind == JobEventKind.JOB_EVENT_KIND_STATE_CHANGED]
    assert states == [
        JobState.JOB_STATE_PENDING,
        JobState.JOB_STATE_OMR_PROCESSING,
        JobState.JOB_STATE_OMR_COMPLETED,
        JobState.JOB_STATE_FINGERING_PROCESSING,
        JobState.JOB_STATE_FINGERING_COMPLETED,
        JobState.JOB_STATE_RENDERING_PROCESSING,
        JobState.JOB_STATE_COMPLETED,
    ]
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    pages = [event.progress.page for event in events if event.progress.stage == "omr"]
    assert pages == [1, 2, 3]
    done = await mesh.client.get(job.job_id)
    assert done.state == JobState.JOB_STATE_COMPLETED
    assert done.HasField("complete_time")
    assert (done.summary.pages_read, done.summary.note_count, done.summary.fingered_note_count) == (3, 4, 4)
    artifacts = await mesh.client.list_artifacts(job.job_id)
    assert [(ArtifactKind.Name(a.kind).removeprefix("ARTIFACT_KIND_"), a.filename) for a in artifacts] == [
        ("SOURCE", "piece.pdf"),
        ("IR_V1", "piece.ir_v1.json"),
        ("IR_V2", "piece.ir_v2.json"),
        ("MUSICXML", "piece.musicxml"),
        ("MIDI", "piece.mid"),
        ("SVG", "piece.page1.svg"),
        ("SVG", "piece.page2.svg"),
        ("SCORE_PDF", "piece.pdf"),
        ("ANNOTATED_PDF", "piece.annotated.pdf"),
        ("REVIEW", "piece.review.html"),
    ]


PENDING, READING = JobState.JOB_STATE_PENDING, JobState.JOB_STATE_OMR_PROCESSING
FINGERING, RENDERING = JobState.JOB_STATE_FINGERING_PROCESSING, JobState.JOB_STATE_RENDERING_PROCESSING
COMPLETED, FAILED, CANCELLED = (
    JobState.JOB_STATE_COMPLETED,
    JobState.JOB_STATE_FAILED,
    JobState.JOB_STATE_CANCELLED,
)
OMR_FAILED, FINGERING_FAILED = JobState.JOB_STATE_OMR_FAILED, JobState.JOB_STATE_FINGERING_FAILED


async def test_a_stage_ends_and_the_next_begins_in_one_change_and_both_are_told(mesh: Mesh) -> None:
    job = await mesh.client.create(document())
    events = await mesh.client.watch(job.job_id)
    moments = {event.state: event.time.ToNanoseconds() for event in events if event.reason}
    assert moments[JobState.JOB_STATE_OMR_COMPLETED] == moments[FINGERING]
    assert moments[JobState.JOB_STATE_FINGERING_COMPLETED] == moments[RENDERING]
    assert not any("interruption" in event.reason for event in events)


async def test_several_scores_and_failed_pages(mesh: Mesh) -> None:
    content = document(pages=4, failed_pages=[2], scores=2, rendering_remarks=["no room for a finger"])
    job = await mesh.client.create(content, filename="C:\\sheets\\two pieces.PDF")
    done = await mesh.client.settled(job.job_id)
    assert done.state == COMPLETED
    assert done.source.filename == "two pieces.PDF"
    assert (done.summary.score_count, done.summary.pages_read, done.summary.pages_failed) == (2, 3, 1)
    assert list(done.summary.remarks) == ["Page 2 could not be read: too dark", "no room for a finger"]
    names = [artifact.filename for artifact in await mesh.client.list_artifacts(job.job_id)]
    assert "two pieces.1.ir_v1.json" in names
    assert "two pieces.2.page2.svg" in names
    assert names.count("two pieces.annotated.pdf") == 1
    assert mesh.journal.count("fingering", "start", job.job_id) == 2
    assert mesh.journal.count("rendering", "start", job.job_id) == 1


async def test_stages_get_job_id_deadline_and_one_trace(mesh: Mesh) -> None:
    job = await mesh.client.create(document())
    await mesh.client.settled(job.job_id)
    starts = [entry for entry in mesh.journal.read() if entry["what"] == "start"]
    assert [entry["stage"] for entry in starts] == ["omr", "fingering", "rendering"]
    assert {entry["job_id"] for entry in starts} == {job.job_id}
    settings = mesh.settings
    for entry, limit in zip(
        starts,
        (settings.omr_timeout_seconds, settings.fingering_timeout_seconds, settings.rendering_timeout_seconds),
        strict=True,
    ):
        assert 0 < entry["time_remaining"] <= 1.01 * limit  # gRPC rounds long timeouts up


@pytest.mark.parametrize(
    ("stage", "state"), [("omr", OMR_FAILED), ("fingering", FINGERING_FAILED), ("rendering", FAILED)]
)
async def test_a_stage_that_fails(mesh: Mesh, stage: str, state: JobState.ValueType) -> None:
    job = await mesh.client.create(document(**{f"{stage}_error": "NO_MUSIC"}))
    failed = await mesh.client.settled(job.job_id)
    assert failed.state == state
    error = from_status(failed.error)
    assert (error.reason, error.message) == ("NO_MUSIC", "planned: NO_MUSIC")
    assert error.metadata["planned"] == "yes"
    assert mesh.journal.count(stage, "start") == 1  # what is wrong with the input is not tried again
    assert failed.HasField("complete_time") == (state == FAILED)
    assert next(stored.kind for stored in await mesh.client.list_artifacts(job.job_id)) == 1  # the source is kept


@pytest.mark.parametrize("stage", ["omr", "fingering"])
async def test_retry_goes_on_from_the_failed_stage(mesh: Mesh, stage: str) -> None:
    job = await mesh.client.create(document(**{f"{stage}_error": "TIME_LIMIT", f"{stage}_errors": 1}))
    first = await mesh.client.settled(job.job_id)
    request_id = str(uuid.uuid4())
    retried = await mesh.client.retry(job.job_id, request_id)
    assert (retried.attempt, retried.HasField("error")) == (2, False)
    assert (await mesh.client.retry(job.job_id, request_id)).attempt == 2  # the same request once more
    events = await mesh.client.watch(job.job_id, after=first.last_sequence)
    assert events[0].reason == "the owner asked to try again"
    assert not any("interruption" in event.reason for event in events)
    done = await mesh.client.get(job.job_id)
    assert (done.state, done.attempt) == (COMPLETED, 2)
    assert mesh.journal.count("omr", "end") == 1
    assert mesh.journal.count(stage, "start") == 2
    with refused("INVALID_STATE"):
        await mesh.client.retry(job.job_id)


async def test_a_stage_that_is_away_is_waited_for(mesh: Mesh) -> None:
    job = await mesh.client.create(document(omr_error="DEPENDENCY_UNAVAILABLE", omr_errors=9))
    assert (await mesh.client.settled(job.job_id)).state == COMPLETED
    assert mesh.journal.count("omr", "start") == 10


async def test_a_stage_that_stays_away_fails_the_job_with_a_word_about_it(make_mesh: Any) -> None:
    mesh = await make_mesh(fingering_target="127.0.0.1:1", stage_patience_seconds=0.5)
    job = await mesh.client.create(document())
    failed = await mesh.client.settled(job.job_id)
    assert failed.state == FINGERING_FAILED
    error = from_status(failed.error)
    assert error.reason == "DEPENDENCY_UNAVAILABLE"
    assert "fingering stage cannot be reached" in error.message


async def test_a_file_that_does_not_match_its_checksum_is_not_stored(mesh: Mesh) -> None:
    job = await mesh.client.create(document(rendering_lies=True))
    failed = await mesh.client.settled(job.job_id)
    assert failed.state == FAILED
    assert "SHA-256" in failed.error.message
    assert len(await mesh.client.list_artifacts(job.job_id)) == 3


# Uploads


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "EMPTY_FILE"),
        (b"hello", "UNSUPPORTED_MEDIA_TYPE"),
        (b"text, not music. " * 1000, "UNSUPPORTED_MEDIA_TYPE"),
        (b"GIF89a" + b"\0" * 5000, "UNSUPPORTED_MEDIA_TYPE"),
        (b"%PDF-1.7\n" + b"x" * 300_000, "FILE_TOO_LARGE"),
    ],
)
async def test_refused_uploads_leave_no_file_and_no_row(make_mesh: Any, content: bytes, reason: str) -> None:
    mesh = await make_mesh(max_upload_bytes=200_000)
    for chunk_bytes in (1000, 1 << 20):
        with refused(reason) as error:
            await mesh.client.create(content, chunk_bytes=chunk_bytes)
    assert mesh.files() == set()
    assert (await mesh.client.jobs.ListJobs(job_service_pb2.ListJobsRequest())).jobs == []
    if reason == "UNSUPPORTED_MEDIA_TYPE":
        assert "PDF" in error.value.message
    if reason == "FILE_TOO_LARGE":
        assert error.value.metadata["limit_bytes"] == "200000"


async def test_a_file_at_the_limit_is_taken_and_a_mark_may_come_late(make_mesh: Any) -> None:
    mesh = await make_mesh(max_upload_bytes=200_000)
    content = b"\0" * 900 + document()
    content = content + b" " * (200_000 - len(content))
    assert len(content) == 200_000
    job = await mesh.client.create(content, chunk_bytes=7)
    assert job.source.size_bytes == 200_000
    assert job.source.sha256 == hashlib.sha256(content).hexdigest()
    await mesh.client.cancel(job.job_id)


async def test_a_tenant_with_too_many_jobs_under_way_is_asked_to_wait(make_mesh: Any) -> None:
    mesh = await make_mesh(max_active_jobs=2)
    jobs = [await mesh.client.create(document(fingering_seconds=60)) for _ in range(2)]
    for job in jobs:
        await mesh.client.until(job.job_id, JobState.JOB_STATE_FINGERING_PROCESSING)
    before = mesh.files()
    with refused("RATE_LIMITED") as caught:
        await mesh.client.create(document())
    assert caught.value.retry_after_s == 5
    assert mesh.files() == before
    await mesh.client.cancel(jobs[0].job_id)
    done = await mesh.client.create(document())  # a place is free
    assert (await mesh.client.settled(done.job_id)).state == COMPLETED
    await mesh.client.create(document(fingering_seconds=60))  # what is at rest does not count


async def test_a_retry_needs_a_place_too(make_mesh: Any) -> None:
    mesh = await make_mesh(max_active_jobs=1)
    job = await mesh.client.create(document(fingering_error="TIME_LIMIT", fingering_errors=1))
    assert (await mesh.client.settled(job.job_id)).state == FINGERING_FAILED
    other = await mesh.client.create(document(fingering_seconds=60))
    again = str(uuid.uuid4())
    with refused("RATE_LIMITED"):
        await mesh.client.retry(job.job_id, again)
    assert (await mesh.client.get(job.job_id)).state == FINGERING_FAILED
    await mesh.client.cancel(other.job_id)
    assert (await mesh.client.retry(job.job_id, again)).attempt == 2
    assert (await mesh.client.retry(job.job_id, again)).attempt == 2  # its own place is no reason to refuse it
    assert (await mesh.client.settled(job.job_id)).state == COMPLETED


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
async def test_with_too_many_jobs_under_way_in_all_everybody_is_asked_to_wait(
    tmp_path: Path, request: pytest.FixtureRequest, database: str
) -> None:
    # On PostgreSQL a transaction sees one tenant's jobs unless it is about all of them.
    url = request.getfixturevalue("postgres_database").url if database == "postgres" else ""
    async with running_world(tmp_path, max_active_jobs_in_all=2, database_url=url) as world:
        owner, stranger = ([("authorization", f"Bearer {one.access_token}")] for one in (world.owner, world.stranger))
        stub: Any = job_service_pb2_grpc.JobServiceStub(world.channel)

        async def create(metadata: list[tuple[str, str]]) -> str:
            head = job_service_pb2.CreateJobOptions(options=job_pb2.JobOptions(filename="piece.pdf"))
            sent = [
                job_service_pb2.CreateJobRequest(create=head),
                job_service_pb2.CreateJobRequest(chunk=document(fingering_seconds=60)),
            ]
            with errors():
                return str((await stub.CreateJob(iter(sent), metadata=metadata, timeout=30)).job.job_id)

        first = await create(owner)
        second = await create(stranger)
        for one in (owner, stranger):
            with refused("RATE_LIMITED") as caught:
                await create(one)
            assert caught.value.retry_after_s == 5
            assert caught.value.http_status == 429
        await stub.CancelJob(job_service_pb2.CancelJobRequest(job_id=first), metadata=owner, timeout=10)
        third = await create(stranger)  # a place is free, whoever had it
        for job_id in (second, third):
            await stub.CancelJob(job_service_pb2.CancelJobRequest(job_id=job_id), metadata=stranger, timeout=10)


async def test_no_byte_beyond_the_limit_is_written(make_mesh: Any) -> None:
    mesh = await make_mesh(max_upload_bytes=1_000_000)
    ended = asyncio.Event()
    most = 0

    def measure() -> None:
        nonlocal most
        sizes = [path.stat().st_size for path in (mesh.data_dir / "artifacts" / "uploads").iterdir()]
        most = max([most, *sizes])

    async def requests() -> AsyncIterator[job_service_pb2.CreateJobRequest]:
        yield job_service_pb2.CreateJobRequest(create=job_service_pb2.CreateJobOptions())
        yield job_service_pb2.CreateJobRequest(chunk=b"%PDF-1.7\n")
        for _ in range(112):  # 1,008,000 bytes
            yield job_service_pb2.CreateJobRequest(chunk=b"x" * 9_000)
            measure()
            await asyncio.sleep(0)
        # grpc.aio loses a refusal that comes while a message is under way.
        while not ended.is_set():
            measure()
            await asyncio.sleep(0.002)

    with refused("FILE_TOO_LARGE"), errors():
        call = mesh.client.jobs.CreateJob(requests(), timeout=20)
        call.add_done_callback(lambda _: ended.set())
        await call
    assert 0 < most <= 1_000_000
    assert mesh.files() == set()


@pytest.mark.parametrize("reason", ["CORRUPT_FILE", "ENCRYPTED_FILE", "NO_PAGES", "TOO_MANY_PAGES", "PAGE_SIZE"])
async def test_a_document_the_stage_would_not_open_is_refused_and_leaves_nothing(mesh: Mesh, reason: str) -> None:
    content = document(inspection_error=reason, padding="x" * 3_000_000)
    with refused(reason) as caught:
        await mesh.client.create(content)
    assert caught.value.message == f"planned: {reason}"
    assert caught.value.metadata["planned"] == "yes"
    assert mesh.files() == set()
    dump = database_dump(mesh.data_dir)
    assert not any(f'INSERT INTO "{table}"' in dump for table in ("jobs", "job_events", "artifacts", "requests"))
    (inspection,) = (entry for entry in mesh.journal.read() if entry["stage"] == "inspection")
    assert inspection["bytes"] == len(content)


@pytest.mark.parametrize(
    "plan",
    [
        {"inspection_code": "UNIMPLEMENTED"},
        {"inspection_error": "DEPENDENCY_UNAVAILABLE"},
        {"inspection_error": "WORKER_DIED"},
        {"inspection_seconds": 5},
    ],
)
async def test_a_stage_that_cannot_tell_refuses_nothing(make_mesh: Any, plan: dict[str, Any]) -> None:
    mesh = await make_mesh(inspection_timeout_seconds=0.5)
    job = await mesh.client.create(document(**plan))
    assert (await mesh.client.settled(job.job_id)).state == COMPLETED


async def test_a_job_is_taken_while_the_reading_stage_is_away(make_mesh: Any) -> None:
    mesh = await make_mesh(omr_target="127.0.0.1:1", stage_patience_seconds=0.5)
    job = await mesh.client.create(document())
    failed = await mesh.client.settled(job.job_id)
    assert (failed.state, from_status(failed.error).reason) == (OMR_FAILED, "DEPENDENCY_UNAVAILABLE")


async def test_an_upload_that_breaks_off_leaves_nothing(mesh: Mesh) -> None:
    stuck = asyncio.Event()

    async def requests() -> AsyncIterator[job_service_pb2.CreateJobRequest]:
        yield job_service_pb2.CreateJobRequest(create=job_service_pb2.CreateJobOptions())
        yield job_service_pb2.CreateJobRequest(chunk=document() + b"x" * 500_000)
        stuck.set()
        await asyncio.sleep(60)

    call = mesh.client.jobs.CreateJob(requests(), timeout=20)
    waiting = asyncio.ensure_future(call.code())
    await stuck.wait()
    await until(lambda: any((mesh.data_dir / "artifacts" / "uploads").iterdir()))
    call.cancel()
    await waiting
    await until(lambda: mesh.files() == set())
    assert (await mesh.client.jobs.ListJobs(job_service_pb2.ListJobsRequest())).jobs == []


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"hand_profile": {"max_span_semitones": 9}}, "options.hand_profile.max_span_semitones"),
        ({"hand_profile": {"size": 9}}, "options.hand_profile.size"),
        ({"formats": [1, 0]}, "options.formats[1]"),
        ({"formats": [77]}, "options.formats[0]"),
        ({"density": 7}, "options.density"),
        ({"reader": 7}, "options.reader"),
        ({"uncertainty_policy": 7}, "options.uncertainty_policy"),
        ({"first_page": -1}, "options.first_page"),
        ({"first_page": 3, "last_page": 2}, "options.last_page"),
        ({"request_id": "not a uuid"}, "request_id"),
    ],
)
async def test_wrong_options_are_named(mesh: Mesh, options: dict[str, Any], field: str) -> None:
    with refused("INVALID_REQUEST") as error:
        await mesh.client.create(document(), **options)
    assert [name for name, _ in error.value.violations] == [field]
    assert mesh.files() == set()


async def test_messages_out_of_order_are_refused(mesh: Mesh) -> None:
    head = job_service_pb2.CreateJobRequest(create=job_service_pb2.CreateJobOptions())
    chunk = job_service_pb2.CreateJobRequest(chunk=document())
    big = job_service_pb2.CreateJobRequest(chunk=b"%PDF-" + b"x" * (1 << 20))
    for messages in ([], [chunk], [head, head, chunk], [head, big]):
        with refused("INVALID_REQUEST"), errors():
            await mesh.client.jobs.CreateJob(iter(messages), timeout=10)
    with refused("EMPTY_FILE"), errors():
        await mesh.client.jobs.CreateJob(iter([head]), timeout=10)
    assert mesh.files() == set()


async def test_a_small_file_in_one_message_is_a_job_like_any_other(mesh: Mesh) -> None:
    create = job_service_pb2.CreateJobOptions(
        options=job_pb2.JobOptions(filename="piece.pdf"), request_id=str(uuid.uuid4())
    )
    request = job_service_pb2.SubmitJobRequest(create=create, content=document())
    job = (await mesh.client.jobs.SubmitJob(request, timeout=30)).job
    assert job.source.sha256 == hashlib.sha256(document()).hexdigest()
    assert (await mesh.client.settled(job.job_id)).state == JobState.JOB_STATE_COMPLETED
    # the same request, whichever way it comes, is the same job
    assert (await mesh.client.jobs.SubmitJob(request, timeout=30)).job.job_id == job.job_id
    assert (await mesh.client.create(document(), request_id=create.request_id)).job_id == job.job_id
    files = mesh.files()
    for wrong, reason in (
        ({"content": b""}, "EMPTY_FILE"),
        ({"content": b"%PDF-" + b"x" * (1 << 20)}, "INVALID_REQUEST"),
        ({"content": b"no music"}, "UNSUPPORTED_MEDIA_TYPE"),
    ):
        create.request_id = str(uuid.uuid4())
        with refused(reason), errors():
            await mesh.client.jobs.SubmitJob(job_service_pb2.SubmitJobRequest(create=create, **wrong), timeout=10)
    with refused("INVALID_REQUEST"), errors():
        await mesh.client.jobs.SubmitJob(job_service_pb2.SubmitJobRequest(content=document()), timeout=10)
    assert mesh.files() == files


async def test_preferences_fill_what_options_leave_open(mesh: Mesh) -> None:
    preferences = {"hand_profile": {"size": 3}, "density": 2, "formats": [1, 2]}
    request = identity_service_pb2.UpdateUserPreferencesRequest(preferences=preferences)
    await mesh.client.identity.UpdateUserPreferences(request)
    plain = await mesh.client.create(document())
    assert (plain.options.hand_profile.size, plain.options.density, list(plain.options.formats)) == (3, 2, [1, 2])
    own = await mesh.client.create(document(), hand_profile={"size": 1}, density=1, formats=[3])
    assert (own.options.hand_profile.size, own.options.density, list(own.options.formats)) == (1, 1, [3])
    await mesh.client.settled(plain.job_id)
    kinds = {artifact.kind for artifact in await mesh.client.list_artifacts(plain.job_id)}
    assert kinds == {1, 2, 3, 4, 5}
    (v2,) = [artifact for artifact in await mesh.client.list_artifacts(plain.job_id) if artifact.kind == 3]
    assert v2.parameters["size"] == "HAND_SIZE_LARGE"
    with refused("INVALID_REQUEST"), errors():
        wrong = identity_service_pb2.UpdateUserPreferencesRequest(preferences={"density": 9})
        await mesh.client.identity.UpdateUserPreferences(wrong)
    answer = await mesh.client.identity.GetCurrentUser(identity_service_pb2.GetCurrentUserRequest())
    assert (answer.user.user_id, answer.tenant.tenant_id) == ("local", "local")
    await mesh.client.settled(own.job_id)


# Idempotency


async def test_a_request_id_makes_one_job(mesh: Mesh) -> None:
    request_id = str(uuid.uuid4())
    first, *others = await asyncio.gather(*(mesh.client.create(document(), request_id=request_id) for _ in range(6)))
    assert {job.job_id for job in others} == {first.job_id}
    later = await mesh.client.create(document(), request_id=request_id.upper())
    assert later.job_id == first.job_id
    with refused("REQUEST_ID_REUSED"):
        await mesh.client.create(document(notes=5), request_id=request_id)
    with refused("REQUEST_ID_REUSED"):
        await mesh.client.create(document(), request_id=request_id, first_page=1)
    another = await mesh.client.create(document())
    assert another.job_id != first.job_id
    await mesh.client.settled(another.job_id)
    await mesh.client.settled(first.job_id)
    assert len([name for name in mesh.files() if first.job_id in name]) == 10
    assert len({name.split("/")[2] for name in mesh.files()}) == 2


# Cancel and delete


@pytest.mark.parametrize(("stage", "state"), [("omr", READING), ("fingering", FINGERING), ("rendering", RENDERING)])
async def test_cancelling_reaches_the_stage(mesh: Mesh, stage: str, state: JobState.ValueType) -> None:
    job = await mesh.client.create(document(**{f"{stage}_seconds": 60}))
    await mesh.client.until(job.job_id, state)
    await until(lambda: mesh.journal.count(stage, "start") == 1)
    cancelled = await mesh.client.cancel(job.job_id, "changed my mind")
    assert cancelled.state == CANCELLED
    assert cancelled.HasField("complete_time")
    await until(lambda: mesh.journal.count(stage, "cancelled") == 1)
    events = await mesh.client.watch(job.job_id)
    assert (events[-1].state, events[-1].reason, events[-1].actor) == (CANCELLED, "changed my mind", "user:local")
    with refused("INVALID_STATE") as error:
        await mesh.client.cancel(job.job_id)
    assert error.value.metadata["state"] == "CANCELLED"
    await asyncio.sleep(0.2)
    assert (await mesh.client.get(job.job_id)).last_sequence == cancelled.last_sequence


async def test_a_waiting_job_can_be_cancelled_and_the_next_takes_its_place(make_mesh: Any) -> None:
    mesh = await make_mesh(stage_concurrency=1)
    first = await mesh.client.create(document(omr_seconds=60))
    await until(lambda: mesh.journal.count("omr", "start") == 1)
    second = await mesh.client.create(document())
    third = await mesh.client.create(document())
    assert (await mesh.client.cancel(second.job_id)).state == CANCELLED
    assert (await mesh.client.get(third.job_id)).state == PENDING
    await mesh.client.cancel(first.job_id)
    assert (await mesh.client.settled(third.job_id)).state == COMPLETED
    assert mesh.journal.count("omr", "start", second.job_id) == 0


async def test_deleting_leaves_nothing(mesh: Mesh) -> None:
    job = await mesh.client.create(document(fingering_seconds=60))
    await mesh.client.until(job.job_id, FINGERING)
    with refused("INVALID_STATE"):
        await mesh.client.delete(job.job_id)
    await mesh.client.cancel(job.job_id)
    other = await mesh.client.create(document())
    await mesh.client.settled(other.job_id)
    assert any(job.job_id in name for name in mesh.files())
    await mesh.client.delete(job.job_id)
    assert not any(job.job_id in name for name in mesh.files())
    assert job.job_id not in database_dump(mesh.data_dir)
    with refused("JOB_NOT_FOUND"):
        await mesh.client.get(job.job_id)
    with refused("JOB_NOT_FOUND"):
        await mesh.client.delete(job.job_id)
    assert (await mesh.client.get(other.job_id)).state == COMPLETED
    await mesh.client.delete(other.job_id)
    assert mesh.files() == set()
    assert other.job_id not in database_dump(mesh.data_dir)


# Listing and watching


async def test_listing(mesh: Mesh) -> None:
    jobs = [await mesh.client.create(document()) for _ in range(5)]
    for job in jobs:
        await mesh.client.settled(job.job_id)
    await mesh.client.cancel((waiting := await mesh.client.create(document(omr_seconds=60))).job_id)
    seen: list[str] = []
    token = ""
    while True:
        request = job_service_pb2.ListJobsRequest(page_size=2, page_token=token, states=[COMPLETED])
        page = await mesh.client.jobs.ListJobs(request)
        seen += [job.job_id for job in page.jobs]
        token = page.next_page_token
        if not token:
            break
    assert seen == [job.job_id for job in reversed(jobs)]
    everything = await mesh.client.jobs.ListJobs(job_service_pb2.ListJobsRequest())
    assert [job.job_id for job in everything.jobs] == [waiting.job_id, *seen]
    first = await mesh.client.jobs.ListJobs(job_service_pb2.ListJobsRequest(page_size=2))
    for wrong in (
        {"page_size": -1},
        {"page_size": 1001},
        {"page_token": "nonsense"},
        {"page_token": "é"},
        {"page_token": first.next_page_token, "states": [COMPLETED]},  # another question's token
    ):
        with refused("INVALID_REQUEST"), errors():
            await mesh.client.jobs.ListJobs(job_service_pb2.ListJobsRequest(**wrong))


async def test_watching_resumes_where_it_stopped(mesh: Mesh) -> None:
    job = await mesh.client.create(document(pages=20, page_seconds=0.02))
    cursor, seen = 0, []
    while True:
        request = job_service_pb2.WatchJobRequest(job_id=job.job_id, after_sequence=cursor)
        call = mesh.client.jobs.WatchJob(request, timeout=20)
        taken = 0
        async for response in call:
            seen.append(response.event.sequence)
            cursor = response.event.sequence
            taken += 1
            if taken == 3:
                break
        else:
            break
        call.cancel()
    assert seen == list(range(1, len(seen) + 1))
    done = await mesh.client.get(job.job_id)
    assert (done.state, done.last_sequence) == (COMPLETED, len(seen))
    assert await mesh.client.watch(job.job_id, after=len(seen)) == []
    with refused("OUT_OF_RANGE"):
        await mesh.client.watch(job.job_id, after=len(seen) + 1)
    with refused("INVALID_REQUEST"):
        await mesh.client.watch(job.job_id, after=-1)
    with refused("JOB_NOT_FOUND"):
        await mesh.client.watch("nothing")


async def test_events_that_become_visible_together_come_in_one_message_when_asked_for(mesh: Mesh) -> None:
    job = await mesh.client.create(document(pages=3))
    one_by_one = await mesh.client.watch(job.job_id)
    for after in (0, 5):
        request = job_service_pb2.WatchJobRequest(job_id=job.job_id, after_sequence=after, batch_events=True)
        (response,) = [response async for response in mesh.client.jobs.WatchJob(request, timeout=20)]
        assert list(response.events.events) == one_by_one[after:]

    running = await mesh.client.create(document(pages=10, page_seconds=0.05))
    request = job_service_pb2.WatchJobRequest(job_id=running.job_id, batch_events=True)
    batches = [list(response.events.events) async for response in mesh.client.jobs.WatchJob(request, timeout=20)]
    assert len(batches) > 3
    assert [event for batch in batches for event in batch] == await mesh.client.watch(running.job_id)


async def test_an_event_waits_a_moment_for_others_unless_the_job_is_at_rest(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_GATHER_S", 0.3)
    job = await mesh.client.create(document(omr_seconds=1))
    request = job_service_pb2.WatchJobRequest(job_id=job.job_id, batch_events=True)
    batches = [list(response.events.events) async for response in mesh.client.jobs.WatchJob(request, timeout=20)]
    told = time.time()
    # what there was when the watch began, a moment later, and all the rest in one: reading ended and the rest followed
    assert len(batches) == 2
    last = batches[-1][-1]
    assert last.state == JobState.JOB_STATE_COMPLETED
    assert told - last.time.ToNanoseconds() / 1e9 < 0.2
    assert {event.state for event in batches[-1]} >= {states.OMR_COMPLETED, states.FINGERING_PROCESSING}

    watched = asyncio.create_task(mesh.client.watch(job.job_id))
    assert [event for batch in batches for event in batch] == await watched


async def test_many_watchers_and_a_slow_one(mesh: Mesh) -> None:
    job = await mesh.client.create(document(pages=10, page_seconds=0.01))

    async def slow() -> list[int]:
        call = mesh.client.jobs.WatchJob(job_service_pb2.WatchJobRequest(job_id=job.job_id), timeout=30)
        seen = []
        async for response in call:
            seen.append(response.event.sequence)
            await asyncio.sleep(0.03)
        return seen

    slow_one, *others = await asyncio.gather(slow(), *(mesh.client.watch(job.job_id) for _ in range(20)))
    assert slow_one == list(range(1, len(slow_one) + 1))
    assert all([event.sequence for event in events] == slow_one for events in others)


async def test_silence_is_filled_with_heartbeats(mesh: Mesh) -> None:
    job = await mesh.client.create(document(omr_seconds=60))
    request = job_service_pb2.WatchJobRequest(job_id=job.job_id)
    request.heartbeat_interval.FromMilliseconds(100)  # is raised to a second
    call = mesh.client.jobs.WatchJob(request, timeout=20)
    async for response in call:
        if response.HasField("heartbeat"):
            assert response.heartbeat.last_sequence == 3  # created, source stored, reading
            break
    call.cancel()
    await mesh.client.cancel(job.job_id)


async def test_models_are_known_from_the_stages(mesh: Mesh) -> None:
    answer = await mesh.client.models.ListModels(model_service_pb2.ListModelsRequest())
    assert [(m.service, m.info.stage, m.info.model.name) for m in answer.models] == [
        ("fingering_service", "fingering", "test-fingering"),
        ("omr_service", "omr", "test-omr"),
    ]
    one = await mesh.client.models.GetModel(model_service_pb2.GetModelRequest(name="test-omr"))
    assert one.model.info.licence == "Apache-2.0"
    with refused("MODEL_NOT_FOUND"), errors():
        await mesh.client.models.GetModel(model_service_pb2.GetModelRequest(name="nope"))
    page = await mesh.client.models.ListModels(model_service_pb2.ListModelsRequest(page_size=1))
    rest = await mesh.client.models.ListModels(model_service_pb2.ListModelsRequest(page_token=page.next_page_token))
    assert [m.info.model.name for m in (*page.models, *rest.models)] == ["test-fingering", "test-omr"]
