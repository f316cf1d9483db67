"""The OMR service over a real channel, with its real worker processes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from etude.mesh.channels import open_channel
from etude.mesh.errors import from_rpc_error
from etude.mesh.server import running_server
from etude.score.v1 import page_pb2
from etude.stage.v1 import omr_service_pb2 as pb
from etude.stage.v1 import omr_service_pb2_grpc
from omr_service.definition import DEFINITION
from omr_service.settings import OmrSettings

DATA = Path(__file__).parent / "data"
PIECE = DATA / "paderewski-exercise-musescore4.pdf"


@asynccontextmanager
async def service(**settings):
    chosen = OmrSettings(address="127.0.0.1:0", **settings)
    async with running_server(DEFINITION, chosen) as server, open_channel(server.address) as channel:
        yield omr_service_pb2_grpc.OmrServiceStub(channel)


def requests(data, **options):
    async def messages():
        yield pb.RecognizeRequest(options=pb.RecognizeOptions(**options))
        for start in range(0, len(data), 20_000):
            yield pb.RecognizeRequest(chunk=data[start : start + 20_000])

    return messages()


async def recognize(stub, messages):
    answers = [answer async for answer in stub.Recognize(messages, timeout=60)]
    return [a.progress for a in answers[:-1]], answers[-1].result


async def refusal(stub, messages):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await recognize(stub, messages)
    return from_rpc_error(caught.value)


async def test_answers_with_progress_and_one_score_that_says_where_it_comes_from():
    async with service() as stub:
        progress, result = await recognize(stub, requests(PIECE.read_bytes(), filename="C:\\music\\piece.pdf"))
        info = (await stub.GetStageInfo(pb.OmrServiceGetStageInfoRequest(), timeout=30)).info
    fractions = [p.fraction for p in progress]
    assert fractions == sorted(fractions) and {p.stage for p in progress} == {"omr"}
    (score,) = result.scores
    assert [p.status for p in result.pages] == [page_pb2.PAGE_STATUS_READ]
    assert result.pages[0].systems == score.pages[0].systems and result.pages[0].systems
    assert score.provenance.source_filename == "piece.pdf"
    assert score.provenance.source_digest.startswith("sha256:")
    assert score.provenance.steps[0].stage == "omr"
    assert info.name == "omr_service" and "application/pdf" in info.accepted_media_types


async def test_the_same_file_gives_the_same_score():
    async with service() as stub:
        first = await recognize(stub, requests(PIECE.read_bytes()))
        second = await recognize(stub, requests(PIECE.read_bytes()))
    assert first[1] == second[1]


async def test_a_file_in_one_message_is_read_and_opened_as_one_in_pieces():
    data, options = PIECE.read_bytes(), pb.RecognizeOptions(filename="piece.pdf")
    async with service() as stub:
        _, expected = await recognize(stub, requests(data, filename="piece.pdf"))
        call = stub.RecognizeFile(pb.RecognizeFileRequest(options=options, content=data), timeout=60)
        answers = [answer async for answer in call]
        opened = await stub.InspectFile(pb.InspectFileRequest(options=options, content=data), timeout=60)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.InspectFile(pb.InspectFileRequest(options=options), timeout=60)
    assert answers[-1].result == expected
    assert all(answer.HasField("progress") for answer in answers[:-1])
    assert (opened.media_type, opened.page_count) == ("application/pdf", 1)
    assert from_rpc_error(caught.value).reason == "EMPTY_FILE"


def inspection(data, **options):
    yield pb.InspectRequest(options=pb.RecognizeOptions(**options))
    for start in range(0, len(data), 20_000):
        yield pb.InspectRequest(chunk=data[start : start + 20_000])


async def test_an_inspection_says_what_the_document_is():
    async with service() as stub:
        answer = await stub.Inspect(inspection(PIECE.read_bytes(), first_page=1), timeout=60)
    assert (answer.media_type, answer.page_count) == ("application/pdf", 1)


async def test_an_inspection_does_not_wait_for_pages_that_are_read():
    async with service(workers=1) as stub:
        readings = [stub.Recognize(requests(PIECE.read_bytes()), timeout=60) for _ in range(12)]
        answers = [asyncio.create_task(_last(reading)) for reading in readings]
        await stub.Inspect(inspection(PIECE.read_bytes()), timeout=60)
        assert not all(answer.done() for answer in answers)
        for answer in answers:
            assert (await answer).HasField("result")


async def _last(answers):
    return [answer async for answer in answers][-1]


REFUSED = pytest.mark.parametrize(
    ("data", "options", "settings", "reason"),
    [
        (b"", {}, {}, "EMPTY_FILE"),
        (b"just some text", {"filename": "music.pdf"}, {}, "UNSUPPORTED_MEDIA_TYPE"),
        (PIECE.read_bytes()[:9000], {}, {}, "CORRUPT_FILE"),
        # refused at its last message: grpc.aio loses, now and then, a refusal that comes while one is under way
        (PIECE.read_bytes(), {}, {"max_file_bytes": PIECE.stat().st_size - 1}, "FILE_TOO_LARGE"),
        (PIECE.read_bytes(), {"first_page": 2}, {}, "OUT_OF_RANGE"),
        (PIECE.read_bytes(), {"reader": 99}, {}, "INVALID_REQUEST"),
    ],
)


@REFUSED
async def test_an_inspection_refuses_what_a_reading_would(data, options, settings, reason):
    async with service(**settings) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Inspect(inspection(data, **options), timeout=60)
    assert from_rpc_error(caught.value).reason == reason


@REFUSED
async def test_what_cannot_be_read_is_refused_with_its_reason(data, options, settings, reason):
    async with service(**settings) as stub:
        error = await refusal(stub, requests(data, **options))
    assert error.reason == reason
    assert len(error.message) > 15


async def test_pages_that_are_not_there_are_told_as_they_were_asked_for():
    async with service() as stub:
        error = await refusal(stub, requests(PIECE.read_bytes(), first_page=2))
    assert error.message == "Pages from 2 on were asked for; the document has 1 page."


async def test_a_page_that_takes_too_long_is_named():
    async with service(page_seconds=0.001) as stub:
        error = await refusal(stub, requests(PIECE.read_bytes()))
    assert error.reason == "TIME_LIMIT" and "age 1" in error.message


async def test_the_options_come_first():
    async def messages():
        yield pb.RecognizeRequest(chunk=b"%PDF-")

    async with service() as stub:
        error = await refusal(stub, messages())
    assert error.reason == "INVALID_REQUEST" and error.violations[0][0] == "options"
