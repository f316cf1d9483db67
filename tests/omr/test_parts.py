"""Long documents in parts: read, worked out and joined by servers that share nothing, against one Recognize."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from bench.replicas import document_of, long_document, read, running_replicas
from etude.cli.progress import stage_text
from etude.mesh.channels import open_channel
from etude.mesh.errors import EtudeError
from etude.mesh.server import running_server
from etude.score.v1 import page_pb2, score_pb2
from etude.stage.v1 import omr_service_pb2 as pb
from etude.stage.v1 import omr_service_pb2_grpc
from omr_service.assembler.music import Element, PageMusic
from omr_service.assembler.piece.draft import Question
from omr_service.assembler.rhythm.measure_rhythm import solve_measure
from omr_service.assembler.rhythm.timing import MeasureTiming
from omr_service.definition import DEFINITION
from omr_service.form import FormError, fingerprint, pack, unpack
from omr_service.pdf.document import DocumentLimits
from omr_service.pipeline import join_pages
from omr_service.readings import known_rhythms, outcome_of, reading_of, work_out_pages
from omr_service.settings import OmrSettings
from omr_service.work import page_task
from orchestrator.exchange import Content, UnknownCallError
from orchestrator.pages import Document, PageFanOut, parts_of
from orchestrator.settings import OrchestratorSettings

EXAMPLES = Path(__file__).parents[2] / "examples"
LIMITS = DocumentLimits()


def test_parts_are_even() -> None:
    for count in range(1, 60):
        parts = parts_of(pb.RecognizeOptions(first_page=3, last_page=count + 2), 100)
        assert [page for part in parts for page in part] == (list(range(3, count + 3)) if parts else [])
        assert len(parts) != 1
        if parts:
            assert max(map(len, parts)) - min(map(len, parts)) <= 1
            assert max(map(len, parts)) <= 4
    assert parts_of(pb.RecognizeOptions(), 0) == []


def test_what_is_packed_comes_back_the_same() -> None:
    path = EXAMPLES / "chopin-waltz-op64-no1.pdf"
    outcome = page_task(str(path), LIMITS, 1)
    reading = pb.PageReading.FromString(reading_of(outcome).SerializeToString())
    assert outcome_of(reading) == outcome
    assert reading.tells_later_pages
    assert unpack(pack(outcome.music, PageMusic), PageMusic) == outcome.music


@pytest.mark.parametrize("harm", [b"", b"x", pack((1, 2), tuple[int, int]), pack({}, dict[int, int])])
def test_what_is_damaged_is_refused(harm: bytes) -> None:
    with pytest.raises(FormError):
        unpack(harm, PageMusic)
    page = pb.PageReading(form=reading_of(page_task(str(EXAMPLES / "chopin-prelude-op28-no4.pdf"), LIMITS, 1)).form)
    if harm:
        page.content = harm
        with pytest.raises(EtudeError) as caught:
            outcome_of(page)
        assert caught.value.reason == "INVALID_REQUEST"
    page.form = "of another version"
    with pytest.raises(EtudeError) as caught:
        outcome_of(page)
    assert caught.value.reason == "INVALID_STATE"


def test_nothing_but_the_named_types_is_made() -> None:
    with pytest.raises(FormError):
        unpack(pack(("1", 2.0), tuple[str, float]), tuple[int, float])
    with pytest.raises(FormError):
        unpack(pack((True,), tuple[bool, ...]), tuple[int, ...])
    assert fingerprint(PageMusic) != fingerprint(dict[Question, MeasureTiming])
    assert not known_rhythms([pb.WorkedOut(form="of another version", content=b"?")])


def test_what_was_worked_out_ahead_is_not_worked_out_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a piece whose triplets have no numbers, so that its measures are solved twice: the others tell that they are.

    Only the last measures of a part are asked for anew, which are no longer the last ones of what is known.
    """
    path = str(EXAMPLES / "chopin-etude-op25-no2.pdf")
    readings = [reading_of(page_task(path, LIMITS, number)) for number in range(1, 5)]
    ahead = [work_out_pages(readings[:2], 1, 2), work_out_pages(readings, 3, 4)]
    music = [page for page in (outcome_of(reading).music for reading in readings) if page is not None]
    asked: list[int] = []

    def counting(elements: Sequence[Element], *others: Any, **named: Any) -> MeasureTiming:
        asked.append(len(elements))
        return solve_measure(elements, *others, **named)

    monkeypatch.setattr("omr_service.assembler.piece.rhythm.solve_measure", counting)
    known = join_pages(music, known_rhythms(ahead))
    assert len(asked) <= 3
    asked.clear()
    alone = join_pages(music)
    assert len(asked) > len(alone.measures)
    assert [measure.timing for measure in known.measures] == [measure.timing for measure in alone.measures]


class Counting:
    """A stub of the OMR service that counts what is asked, and fails when it is told to."""

    def __init__(self, stub: omr_service_pb2_grpc.OmrServiceStub, fails: dict[str, EtudeError] | None = None) -> None:
        self._stub = stub
        self.fails = fails or {}
        self.calls: list[str] = []

    def __getattr__(self, name: str):
        method = getattr(self._stub, name)

        def call(*args, **kwargs):
            self.calls.append(name)
            if name in self.fails:
                raise self.fails[name]
            return method(*args, **kwargs)

        return call


async def test_servers_that_share_a_document_give_the_same_score(tmp_path: Path) -> None:
    data = long_document(11)
    document = document_of(data, 11)
    options = pb.RecognizeOptions(filename="long.pdf", first_page=1, last_page=11)
    told, shown = [], []

    async def on_progress(progress) -> None:
        told.append(progress.fraction)
        shown.append(stage_text(progress))

    settings = OmrSettings(address="127.0.0.1:0", workers=1)
    async with running_server(DEFINITION, settings) as one, running_server(DEFINITION, settings) as other:
        async with open_channel(one.address) as channel:
            stub = omr_service_pb2_grpc.OmrServiceStub(channel)
            async for response in stub.Recognize(requests(options, data)):
                whole = response.result
        async with open_channel(f"ipv4:{one.address},{other.address}") as channel:
            stub = Counting(omr_service_pb2_grpc.OmrServiceStub(channel))
            fan_out = PageFanOut(stub, OrchestratorSettings(data_dir=tmp_path))
            shared = await fan_out.read(options, document, parts_of(options, 11), on_progress)
            assert shared is not None
            assert shared.SerializeToString(deterministic=True) == whole.SerializeToString(deterministic=True)
            assert stub.calls == ["ReadPages"] * 3 + ["WorkOutPages"] * 3 + ["JoinPages"]
            assert told == sorted(told)
            # The rhythm of the first pages may be worked out before the last ones are read.
            pages = [line for line in shown if line.startswith("reading page")]
            assert sorted(pages) == sorted(f"reading page {n} of 11" for n in range(1, 12))
            others = [line for line in shown if line not in pages]
            assert others == ["reading: working out the rhythm"] * 3 + ["reading: joining the pages"]
            assert shown[-1] == others[-1]
            # Working out ahead is no more than that.
            stub.fails["WorkOutPages"] = EtudeError("WORKER_DIED", "planned")
            shared = await fan_out.read(options, document, parts_of(options, 11), on_progress)
            assert shared is not None
            assert shared.SerializeToString(deterministic=True) == whole.SerializeToString(deterministic=True)
            # Replicas of two versions: somebody else has to do it.
            stub.fails["JoinPages"] = EtudeError("INVALID_STATE", "planned")
            assert await fan_out.read(options, document, parts_of(options, 11), on_progress) is None


@pytest.mark.slow
async def test_a_replica_that_dies_costs_its_pages_only() -> None:
    document = document_of(long_document(16), 16)
    told: list[tuple[int, str]] = []
    async with running_replicas(2) as replicas:
        one, other = replicas
        whole, _ = await read([one], document)

        async def on_progress(progress) -> None:
            told.append((progress.page, progress.message))
            if len(told) == 6:
                replicas[other].kill()

        assert (await read([one, other], document, on_progress))[0] == whole
    # A page that had come is not asked for again.
    assert sorted(page for page, message in told if message.endswith(" read")) == list(range(1, 17))


async def test_a_replica_that_dies_when_its_pages_have_come_costs_nothing(tmp_path: Path) -> None:
    asked: list[tuple[int, int]] = []

    class Dying(omr_service_pb2_grpc.OmrServiceServicer):
        """Breaks off each reading after its last page."""

        async def ReadPages(self, request_iterator, context):  # noqa: N802 - the contract names it
            async for request in request_iterator:
                if request.HasField("options"):
                    asked.append((request.options.first_page, request.options.last_page))
            for number in range(asked[-1][0], asked[-1][1] + 1):
                yield pb.ReadPagesResponse(reading=pb.PageReading(page=page_pb2.Page(page_number=number)))
            await context.abort(grpc.StatusCode.UNAVAILABLE, "planned")

        async def WorkOutPages(self, request_iterator, context):  # noqa: N802 - the contract names it
            return pb.WorkOutPagesResponse()

        async def JoinPages(self, request_iterator, context):  # noqa: N802 - the contract names it
            joined = [each.reading.page async for each in request_iterator if each.HasField("reading")]
            return pb.JoinPagesResponse(result=pb.RecognizeResult(scores=[score_pb2.Score()], pages=joined))

    server = grpc.aio.server()
    omr_service_pb2_grpc.add_OmrServiceServicer_to_server(Dying(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    options = pb.RecognizeOptions(first_page=1, last_page=11)
    parts = parts_of(options, 11)

    async def pass_over(_) -> None:
        return

    async with open_channel(f"127.0.0.1:{port}") as channel:
        settings = OrchestratorSettings(data_dir=tmp_path, stage_concurrency=1)
        fan_out = PageFanOut(omr_service_pb2_grpc.OmrServiceStub(channel), settings)
        result = await fan_out.read(
            options, Document(Content(lambda: chunks(b"%PDF"), 4), "0" * 64, 11), parts, pass_over
        )
    await server.stop(0)
    assert result is not None
    assert [page.page_number for page in result.pages] == list(range(1, 12))
    assert sorted(asked) == [(part[0], part[-1]) for part in parts]


async def chunks(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 1 << 20):
        yield data[start : start + (1 << 20)]


async def requests(options: pb.RecognizeOptions, data: bytes) -> AsyncIterator[pb.RecognizeRequest]:
    yield pb.RecognizeRequest(options=options)
    async for chunk in chunks(data):
        yield pb.RecognizeRequest(chunk=chunk)


async def test_a_stage_that_cannot_do_parts_is_asked_for_all_of_it(tmp_path: Path) -> None:
    class Old(omr_service_pb2_grpc.OmrServiceServicer):
        """Answers UNIMPLEMENTED to everything."""

    server = grpc.aio.server()
    omr_service_pb2_grpc.add_OmrServiceServicer_to_server(Old(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with open_channel(f"127.0.0.1:{port}") as channel:
        fan_out = PageFanOut(omr_service_pb2_grpc.OmrServiceStub(channel), OrchestratorSettings(data_dir=tmp_path))
        document = Document(Content(lambda: chunks(b"%PDF"), 4), "0" * 64, 11)
        parts = parts_of(pb.RecognizeOptions(), 11)

        async def nobody(_) -> None:
            raise AssertionError("there is no progress to tell")

        assert await fan_out.read(pb.RecognizeOptions(), document, parts, nobody) is None
    await server.stop(0)
    assert issubclass(UnknownCallError, EtudeError)
