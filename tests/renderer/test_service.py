"""The renderer over a real channel, with its real worker processes."""

from __future__ import annotations

import hashlib
import io
import xml.etree.ElementTree as ET
from contextlib import asynccontextmanager

import grpc
import mido
import pikepdf
import pytest

from etude.mesh.channels import open_channel
from etude.mesh.errors import from_rpc_error
from etude.mesh.server import running_server
from etude.score.v1 import score_pb2
from etude.stage.v1 import renderer_service_pb2, renderer_service_pb2_grpc
from renderer_service import service as servicing
from renderer_service.definition import DEFINITION
from renderer_service.formats import ANNOTATED_PDF, FORMATS, MIDI, MUSICXML, PDF, REVIEW, SVG
from renderer_service.settings import RendererSettings
from tests.renderer.pages import printed
from tests.renderer.pieces import everything, plain

Request = renderer_service_pb2.RenderRequest


@asynccontextmanager
async def service(**settings):
    own = RendererSettings(address="127.0.0.1:0", workers=1, **settings)
    async with running_server(DEFINITION, own) as server, open_channel(server.address) as channel:
        yield renderer_service_pb2_grpc.RendererServiceStub(channel)


def requests(scores, formats, original=b"", **options):
    yield Request(options=renderer_service_pb2.RenderOptions(formats=formats, **options))
    for score in scores:
        yield Request(score=score)
    for start in range(0, len(original), 100_000):
        yield Request(original_chunk=original[start : start + 100_000])


async def render(stub, messages):
    """Progress, [(head, bytes)], result."""
    progress, files, results = [], [], []
    async for answer in stub.Render(iter(messages), timeout=120):
        kind = answer.WhichOneof("payload")
        assert not results, "nothing follows the result"
        if kind == "progress":
            progress.append(answer.progress)
        elif kind == "file":
            files.append((answer.file, bytearray()))
        elif kind == "chunk":
            assert len(answer.chunk) <= 1024 * 1024
            files[-1][1].extend(answer.chunk)
        else:
            results.append(answer.result)
    return progress, [(head, bytes(data)) for head, data in files], results[0]


async def refused(stub, messages):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await render(stub, messages)
    return from_rpc_error(caught.value)


async def test_scores_in_one_message_are_rendered_as_those_in_a_stream():
    scores, formats = [plain(2), plain(1)], [MIDI, MUSICXML]
    options = renderer_service_pb2.RenderOptions(formats=formats)
    async with service() as stub:
        _, files, result = await render(stub, requests(scores, formats))
        request = renderer_service_pb2.RenderScoresRequest(options=options, scores=scores)
        answers = [answer async for answer in stub.RenderScores(request, timeout=120)]
    assert [answer.file for answer in answers if answer.HasField("file")] == [head for head, _ in files]
    assert b"".join(answer.chunk for answer in answers) == b"".join(data for _, data in files)
    assert answers[-1].result == result


async def test_small_files_come_within_their_heads_where_that_is_wanted(monkeypatch):
    scores, formats = [plain(2)], [MIDI, MUSICXML]
    async with service() as stub:
        _, in_chunks, _ = await render(stub, requests(scores, formats))
        monkeypatch.setattr(servicing, "INLINE_BYTES", max(head.size_bytes for head, _ in in_chunks) - 1)
        _, found, result = await render(stub, requests(scores, formats, inline_small_files=True))
    assert result.file_count == len(found) == 2
    assert sorted(bool(head.content) for head, _ in found) == [False, True]
    assert [head.content or data for head, data in found] == [data for _, data in in_chunks]
    assert not any(data for head, data in found if head.content)
    assert not any(head.content for head, _ in in_chunks)


async def test_all_formats_of_two_scores_and_the_original_come_in_order_with_their_digests():
    pdf, first = printed(plain(4))
    second = everything()
    second.score_id = "second"
    async with service() as stub:
        progress, files, result = await render(
            stub, requests([first, second], [REVIEW, ANNOTATED_PDF, SVG, MIDI, PDF, MUSICXML, MIDI], pdf)
        )
    assert result.file_count == len(files)
    (remark,) = result.remarks  # the second piece was not read from these pages
    assert "not known where their notes are printed" in remark
    for head, data in files:
        assert (head.size_bytes, head.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        assert head.media_type == FORMATS[head.format].media_type
    assert [(h.format, h.score_index, h.page_number) for h, _ in files] == [
        (MUSICXML, 0, 0),
        (MUSICXML, 1, 0),
        (MIDI, 0, 0),
        (MIDI, 1, 0),
        (SVG, 0, 1),
        (SVG, 1, 1),
        (PDF, 0, 0),
        (PDF, 1, 0),
        (ANNOTATED_PDF, -1, 0),
        (REVIEW, -1, 0),
    ]
    by_format = {head.format: data for head, data in files}
    assert ET.fromstring(by_format[MUSICXML]).tag == "score-partwise"
    assert mido.MidiFile(file=io.BytesIO(by_format[MIDI])).type == 1
    review = by_format[REVIEW].decode()
    assert "<script" not in review and "http" not in review and "No picture of the reading" not in review
    assert review.count("data:image/png;base64,") == len(first.pages[0].systems)
    for format_ in (PDF, ANNOTATED_PDF):
        with pikepdf.open(io.BytesIO(by_format[format_])) as document:
            assert len(document.pages) == 1
    fractions = [p.fraction for p in progress]
    assert fractions == sorted(fractions) and fractions[0] == 0 and 0 < fractions[-1] <= 1
    assert all(p.stage == "rendering" and p.message for p in progress)


async def test_the_same_request_gives_the_same_files():
    pdf, score = printed(plain(4))
    formats = list(FORMATS)
    async with service() as stub:
        first = (await render(stub, requests([score], formats, pdf)))[1]
        assert (await render(stub, requests([score], formats, pdf)))[1] == first


async def test_a_format_that_fails_costs_that_format_only():
    async with service() as stub:
        _, files, result = await render(stub, requests([plain(2)], [MUSICXML, ANNOTATED_PDF], b"\x89PNG\r\n"))
        assert [head.format for head, _ in files] == [MUSICXML]
        assert len(result.remarks) == 1
        assert result.remarks[0].startswith("There is no annotated PDF: this music was not read from pages")
        error = await refused(stub, requests([plain(2)], [ANNOTATED_PDF]))
        assert (error.reason, error.code) == ("INVALID_REQUEST", grpc.StatusCode.INVALID_ARGUMENT)
        _, score = printed(plain(2))
        error = await refused(stub, requests([score], [ANNOTATED_PDF], b"GIF89a"))
        assert error.reason == "UNSUPPORTED_MEDIA_TYPE" and "neither a PDF nor a picture" in error.message


async def test_an_invalid_score_is_refused_naming_what_is_broken():
    score = plain(2)
    score.events[0].notes[0].midi_pitch = 200
    async with service() as stub:
        error = await refused(stub, requests([score], [MUSICXML]))
    assert error.reason == "INVALID_SCORE" and error.violations


@pytest.mark.parametrize(
    ("messages", "field"),
    [
        ([], "options"),
        ([Request(score=plain(1))], "options"),
        ([Request()], "payload"),
        ([*requests([plain(1)], [MUSICXML]), Request(options=renderer_service_pb2.RenderOptions())], "options"),
        (list(requests([plain(1)], [])), "options.formats"),
        (list(requests([plain(1)], [0])), "options.formats"),
        (list(requests([plain(1)], [99])), "options.formats"),
        (list(requests([], [MUSICXML])), "score"),
        ([*requests([plain(1)], [MUSICXML], b"%PDF"), Request(score=plain(1))], "score"),
        ([*requests([plain(1)], [MUSICXML]), Request(original_chunk=bytes(1024 * 1024 + 1))], "original_chunk"),
    ],
)
async def test_wrong_requests_name_the_field(messages, field):
    async with service() as stub:
        error = await refused(stub, messages)
    assert error.reason == "INVALID_REQUEST"
    assert [violation[0] for violation in error.violations] in ([field], ["options"] if field == "payload" else [field])


async def test_limits_of_size_are_held():
    async with service(max_file_bytes=1000, max_scores=1) as stub:
        error = await refused(stub, requests([plain(1)], [MUSICXML], bytes(1001)))
        assert error.reason == "FILE_TOO_LARGE"
        error = await refused(stub, requests([plain(1), plain(1)], [MUSICXML]))
        assert error.reason == "INVALID_REQUEST"


async def test_a_step_may_not_take_longer_than_allowed():
    async with service(step_seconds=0.05) as stub:
        long = plain(600)
        error = await refused(stub, requests([long], [PDF]))
    assert error.reason == "TIME_LIMIT"


async def test_title_of_a_piece_without_one_is_the_files():
    score = score_pb2.Score()
    score.CopyFrom(plain(1))
    score.metadata.title = ""
    async with service() as stub:
        _, files, _ = await render(stub, requests([score], [MUSICXML], filename_stem="my scan"))
    assert ET.fromstring(files[0][1]).findtext("work/work-title") == "my scan"


async def test_stage_info_names_its_media_types():
    async with service() as stub:
        request = renderer_service_pb2.RendererServiceGetStageInfoRequest()
        info = (await stub.GetStageInfo(request, timeout=30)).info
    assert info.name == "renderer_service" and info.version
    assert "application/pdf" in info.accepted_media_types
    assert set(info.produced_media_types) == {f.media_type for f in FORMATS.values()}
