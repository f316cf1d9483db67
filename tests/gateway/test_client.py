"""The SDK against a real gRPC server: retries, resumption, damage, names of files."""

import asyncio
import errno
import io
import os
import threading
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from etude.client import AsyncEtudeClient, EtudeClient, job_options
from etude.client.files import AtomicFile
from etude.job.v1 import artifact_service_pb2, job_pb2, job_service_pb2_grpc
from etude.mesh.definition import ServiceDefinition, Servicer
from etude.mesh.errors import EtudeError
from etude.mesh.server import running_server
from etude.mesh.settings import ServiceSettings
from tests.gateway.contract_server import MAX_BYTES, Store, contract_definition, failed


async def run_job(store: Store, job_id: str) -> None:
    """What a mesh does with a job."""
    await store.move(job_id, job_pb2.JOB_STATE_OMR_PROCESSING)
    for page in (1, 2):
        await store.progress(job_id, "omr", page, 2, page / 2)
    store.add_artifact(job_id, artifact_service_pb2.ARTIFACT_KIND_SOURCE, b"%PDF", "application/pdf")
    store.add_artifact(job_id, artifact_service_pb2.ARTIFACT_KIND_MIDI, b"MThd" * 1000, "audio/midi")
    for page in (1, 2):
        svg = f"<svg>{page}</svg>".encode()
        store.add_artifact(job_id, artifact_service_pb2.ARTIFACT_KIND_SVG, svg, "image/svg+xml", page_number=page)
    store.add_artifact(job_id, artifact_service_pb2.ARTIFACT_KIND_MIDI, b"MThd2", "audio/midi", score_index=1)
    await store.move(job_id, job_pb2.JOB_STATE_COMPLETED)


async def until(condition) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in code that knows no event
            await asyncio.sleep(0.01)


async def when_created(store: Store, work) -> None:
    await until(lambda: store.jobs)
    await work(store, next(iter(store.jobs)))


async def test_a_job_carries_the_file_and_the_options(client, store, tmp_path):
    path = tmp_path / "Étude.pdf"
    path.write_bytes(bytes(range(256)) * 9000)
    job = await client.create_job(path, job_options(hand_size="S", pages="2-3", formats=["midi"]))
    assert store.files[job.job_id] == path.read_bytes()
    assert job.options.filename == "Étude.pdf"
    assert (job.options.first_page, job.options.last_page) == (2, 3)


async def test_an_attempt_that_finds_nobody_is_made_again_with_the_same_request_id(client, store):
    store.refuse_calls = 6
    job = await client.create_job(b"%PDF", job_options(filename="a.pdf"))
    assert list(store.jobs) == [job.job_id]
    assert store.refuse_calls == 0
    assert len(store.by_request_id) == 1


async def test_one_request_id_makes_one_job(client, store):
    first = await client.create_job(b"%PDF", request_id="11111111-1111-4111-8111-111111111111")
    second = await client.create_job(b"%PDF", request_id="11111111-1111-4111-8111-111111111111")
    assert first.job_id == second.job_id


@pytest.mark.parametrize("has_submit", [True, False])
@pytest.mark.parametrize("more", [0, 1])
async def test_a_file_that_fits_into_one_message_goes_in_one_where_the_server_takes_it(
    client, store, tmp_path, has_submit, more
):
    store.has_submit = has_submit
    content = bytes(range(256)) * 4096 + b"x" * more
    path = tmp_path / "a.pdf"
    path.write_bytes(content)
    for source in (content, path, io.BytesIO(content)):
        job = await client.create_job(source)
        assert store.files[job.job_id] == content
    assert store.calls == 3 * ["SubmitJob" if has_submit and not more else "CreateJob"]


async def test_a_refusal_in_the_middle_of_an_upload_says_why(client):
    with pytest.raises(EtudeError) as caught:
        await client.create_job(b"x" * (MAX_BYTES + (20 << 20)))
    assert caught.value.reason == "FILE_TOO_LARGE"


async def test_a_file_that_is_not_there_is_said_before_anything_is_sent(client, store, tmp_path):
    with pytest.raises(EtudeError, match="There is no file") as caught:
        await client.create_job(tmp_path / "none.pdf")
    assert caught.value.reason == "INVALID_REQUEST"
    assert not store.metadata


async def test_a_watch_goes_on_where_the_connection_broke(client, store):
    job = await client.create_job(b"%PDF")
    store.drop_watch_after = 2
    await run_job(store, job.job_id)
    sequences = [event.sequence async for event in client.watch_job(job.job_id)]
    assert sequences == list(range(1, job.last_sequence + 5))
    assert store.watches == [0, 2]


async def test_a_watch_survives_a_server_that_is_restarted(store):
    settings = ServiceSettings(address="127.0.0.1:0", drain_seconds=0.1)
    async with running_server(contract_definition(store), settings) as handle:
        client = AsyncEtudeClient(handle.address)
        job = await client.create_job(b"%PDF")
        seen: list[int] = []

        async def watch() -> None:
            async for event in client.watch_job(job.job_id):
                seen.append(event.sequence)

        watching = asyncio.create_task(watch())
        await until(lambda: seen)
    again = ServiceSettings(address=handle.address, drain_seconds=0.1)
    async with running_server(contract_definition(store), again):
        await run_job(store, job.job_id)
        await asyncio.wait_for(watching, 20)
        await client.close()
    assert seen == list(range(1, store.jobs[job.job_id].last_sequence + 1))


@pytest.mark.parametrize(("offset", "length"), [(0, 0), (96, 0), (0, 3999), (10, 2000)])
async def test_a_download_goes_on_where_it_broke(client, store, offset, length):
    """Also when it breaks after the last byte: after two chunks of 1000, again and again."""
    content = bytes(range(256)) * 16
    artifact_id = store.add_artifact("j1", artifact_service_pb2.ARTIFACT_KIND_MIDI, content, "audio/midi")
    store.drop_download_after = 2
    got = b"".join([chunk async for chunk in client.read(artifact_id, offset=offset, length=length)])
    assert got == content[offset : offset + length if length else None]


@pytest.mark.parametrize("drop_after", [0, 2, 4], ids=["in one go", "broken off", "broken off after the last byte"])
async def test_damaged_bytes_are_told_however_often_a_download_broke(client, store, drop_after):
    artifact_id = store.add_artifact("j1", artifact_service_pb2.ARTIFACT_KIND_MIDI, b"MThd" * 1000, "audio/midi")
    store.damage, store.drop_download_after = True, drop_after
    with pytest.raises(EtudeError) as caught:
        [chunk async for chunk in client.read(artifact_id)]
    assert caught.value.reason == "CHECKSUM_MISMATCH"


async def test_what_the_server_says_after_the_last_byte_is_heard(client, store):
    """A range can be checked by the server alone, which has the rest."""
    artifact_id = store.add_artifact("j1", artifact_service_pb2.ARTIFACT_KIND_MIDI, b"MThd" * 1000, "audio/midi")
    store.drop_download_after, store.drop_reason = 2, "CHECKSUM_MISMATCH"
    with pytest.raises(EtudeError) as caught:
        [chunk async for chunk in client.read(artifact_id, offset=0, length=2000)]
    assert caught.value.reason == "CHECKSUM_MISMATCH"


async def test_a_download_gives_up_on_a_server_that_stays_away():
    async with AsyncEtudeClient("127.0.0.1:9") as client:
        with pytest.raises(EtudeError) as caught:
            await anext(client.read("a1", resume_s=0.3))
    assert caught.value.reason == "DEPENDENCY_UNAVAILABLE"


async def test_a_watch_gives_up_on_a_server_that_stays_away():
    async with AsyncEtudeClient("127.0.0.1:9") as client:
        with pytest.raises(EtudeError) as caught:
            async for _ in client.watch_job("j1", reconnect_s=0.5):
                pass
    assert caught.value.reason == "DEPENDENCY_UNAVAILABLE"


async def test_waiting_too_long_names_the_job_and_leaves_it_alone(client, store):
    job = await client.create_job(b"%PDF")
    with pytest.raises(EtudeError, match=job.job_id) as caught:
        await client.wait(job.job_id, timeout_s=0.2)
    assert caught.value.reason == "TIME_LIMIT"
    assert store.jobs[job.job_id].state == job_pb2.JOB_STATE_PENDING


async def test_lists_go_over_all_pages(client, store):
    made = [(await client.create_job(b"%PDF")).job_id for _ in range(5)]
    assert [job.job_id async for job in client.list_jobs(page_size=2)] == made[::-1]
    await run_job(store, made[0])
    assert len([artifact async for artifact in client.artifacts(made[0])]) == 5


async def test_annotate_writes_what_a_job_made_under_names_beside_each_other(client, store, tmp_path):
    working = asyncio.create_task(when_created(store, run_job))
    events = []
    result = await client.annotate(
        b"%PDF", out_dir=tmp_path, on_event=events.append, filename="sonata.pdf", hand_size="L"
    )
    await working
    names = ["sonata.mid", "sonata.svg", "sonata.2.svg", "sonata.mov2.mid"]
    assert [path.name for path in result.files] == names
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    assert (tmp_path / "sonata.mid").read_bytes() == b"MThd" * 1000
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))


async def test_annotate_raises_the_jobs_own_error(client, store):
    async def fail(at: Store, job_id: str) -> None:
        at.jobs[job_id].error.CopyFrom(failed("NO_MUSIC", "There is no piano music in this file."))
        await at.move(job_id, job_pb2.JOB_STATE_OMR_FAILED)

    working = asyncio.create_task(when_created(store, fail))
    with pytest.raises(EtudeError, match="no piano music") as caught:
        await client.annotate(b"%PDF")
    await working
    assert caught.value.reason == "NO_MUSIC"


async def test_annotate_that_is_cancelled_cancels_its_job(client, store):
    annotating = asyncio.create_task(client.annotate(b"%PDF"))
    await until(lambda: store.watches)
    annotating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await annotating
    assert [job.state for job in store.jobs.values()] == [job_pb2.JOB_STATE_CANCELLED]


async def test_damaged_bytes_leave_no_file(client, store, tmp_path):
    job = await client.create_job(b"%PDF")
    artifact_id = store.add_artifact(job.job_id, artifact_service_pb2.ARTIFACT_KIND_MIDI, b"MThd", "audio/midi")
    store.damage = True
    with pytest.raises(EtudeError) as caught:
        await client.download(artifact_id, tmp_path / "a.mid")
    assert caught.value.reason == "CHECKSUM_MISMATCH"
    assert list(tmp_path.iterdir()) == []


async def test_a_file_that_is_interrupted_keeps_its_old_content(tmp_path):
    path = tmp_path / "a.mid"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError):
        async with AtomicFile(path) as file:
            await file.write(b"ne")
            raise RuntimeError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


async def test_a_full_disk_is_told_with_the_file_and_leaves_nothing(tmp_path, monkeypatch):
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"a\.mid"):
        async with AtomicFile(tmp_path / "a.mid") as file:
            await file.write(b"new")
    assert list(tmp_path.iterdir()) == []


def test_the_synchronous_client_does_the_same(tmp_path):
    """Runs the server on a loop of its own, as a program without asyncio has it: elsewhere."""
    store = Store()
    loop = asyncio.new_event_loop()
    address: list[str] = []
    stop = asyncio.Event()

    async def serve() -> None:
        settings = ServiceSettings(address="127.0.0.1:0", drain_seconds=0.1)
        async with running_server(contract_definition(store), settings) as handle:
            address.append(handle.address)
            working = asyncio.create_task(when_created(store, run_job))
            await stop.wait()
            await working

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    while not address:
        thread.join(0.01)
    try:
        with EtudeClient(address[0]) as client:
            result = client.annotate(b"%PDF", out_dir=tmp_path, filename="sonata.pdf")
            assert Path(tmp_path / "sonata.mid") in result.files
            assert [job.job_id for job in client.list_jobs()] == [result.job.job_id]
            assert next(event.sequence for event in client.watch_job(result.job.job_id, after_sequence=2)) == 3
            assert b"".join(client.read(result.artifacts[1].artifact_id, offset=4, length=4)) == b"MThd"
            assert [model.info.model.name for model in client.models()] == ["ergonomic"]
            with pytest.raises(EtudeError) as caught:
                client.get_job("nothing")
            assert caught.value.reason == "JOB_NOT_FOUND"
        with pytest.raises(RuntimeError, match="closed"):
            client.get_job("nothing")
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"hand_size": "XXL"}, "hand_size"),
        ({"formats": ["mp3"]}, "formats"),
        ({"reader": "eye"}, "reader"),
        ({"density": "some"}, "density"),
        ({"pages": "5-2"}, "pages"),
        ({"pages": "0"}, "pages"),
        ({"pages": "a"}, "pages"),
        ({"pages": "-"}, "pages"),
        ({"max_span_semitones": 30}, "max_span_semitones"),
    ],
)
def test_options_that_make_no_sense_name_their_field(options, field):
    with pytest.raises(EtudeError) as caught:
        job_options(**options)
    assert [name for name, _ in caught.value.violations] == [field]


async def test_an_upload_refused_at_its_first_message_still_hears_why():
    """A write that meets the end of its call makes grpc.aio forget the server's status now and then."""

    async def nobody(method, metadata):
        raise EtudeError("UNAUTHENTICATED", "Log in.")

    @asynccontextmanager
    async def start(_):
        add = partial(job_service_pb2_grpc.add_JobServiceServicer_to_server, job_service_pb2_grpc.JobServiceServicer())
        yield [Servicer("etude.job.v1.JobService", add, guard=nobody)]

    definition = ServiceDefinition("closed", "tests.gateway", ServiceSettings, start)
    async with (
        running_server(definition, ServiceSettings(address="127.0.0.1:0")) as handle,
        AsyncEtudeClient(handle.address) as client,
    ):
        for _ in range(200):
            with pytest.raises(EtudeError) as caught:
                await client.create_job(io.BytesIO(b"%PDF" * 300_000))
            assert caught.value.reason == "UNAUTHENTICATED"
