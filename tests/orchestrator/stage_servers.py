"""Three small stages that speak the real contract over real sockets, and do what the uploaded file tells them.

The file is `%PDF-` and a line of JSON (`plan`); the Score carries it on to the later stages in its subtitle. Every call
is written to a journal, one JSON line per start, end and cancellation, so that tests see what was really run; the end
also tells how many seconds the handler took.

Run as a process: `python -m tests.orchestrator.stage_servers JOURNAL OMR_PORT FINGERING_PORT RENDERER_PORT`.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import grpc

from etude.mesh.definition import ServiceDefinition, Servicer
from etude.mesh.errors import EtudeError
from etude.mesh.metadata import JOB_ID_KEY, metadata_dict
from etude.mesh.server import ServerHandle, running_server
from etude.mesh.settings import ServiceSettings
from etude.score.v1 import event_pb2, fingering_pb2, page_pb2, provenance_pb2, score_pb2
from etude.stage.v1 import (
    fingering_service_pb2,
    fingering_service_pb2_grpc,
    omr_service_pb2,
    omr_service_pb2_grpc,
    renderer_service_pb2,
    renderer_service_pb2_grpc,
    stage_pb2,
)

NAMES = ("omr", "fingering", "renderer")
VERSION = "9.9.9"
DEFAULTS: dict[str, Any] = {"pages": 1, "scores": 1, "notes": 4, "failed_pages": []}


def document(**plan: Any) -> bytes:
    """A file that makes the stages do as planned.

    Keys: pages, scores, notes, failed_pages; and per stage ("omr", "fingering", "rendering"): <stage>_seconds,
    <stage>_error (a reason), <stage>_errors (how many calls fail; all when absent), rendering_remarks, padding,
    rendering_in_chunks (as a stage that knows nothing of files within their heads);
    inspection_error (a reason), inspection_code (of gRPC), inspection_seconds.
    """
    return b"%PDF-1.7\n" + json.dumps({**DEFAULTS, **plan}).encode() + b"\n%%EOF\n"


def make_score(plan: dict[str, Any], index: int) -> score_pb2.Score:
    score = score_pb2.Score(schema_version="1.0.0", score_id=f"s{index}", divisions=1)
    score.metadata.title = f"Piece {index + 1}"
    score.metadata.subtitle = json.dumps(plan)
    part = score.parts.add(part_id="P1", name="Piano", staff_count=2)
    part.role = score_pb2.PART_ROLE_KEYBOARD
    score.measures.add()
    for number in range(plan["notes"]):
        event = score.events.add(
            event_id=f"e{number}", part_id="P1", staff=1, voice=1, onset_ticks=number, duration_ticks=1
        )
        event.type = event_pb2.NOTE_TYPE_QUARTER
        if number in plan.get("missing_notes", []):
            event.rest.SetInParent()
            continue
        note_id = f"n{number + plan.get('ids_from', 0)}"
        note = event.notes.add(note_id=note_id, midi_pitch=60 + number, staff=1, confidence=1)
        if number == plan.get("printed_note"):
            note.fingering.finger = 4
            note.fingering.source = fingering_pb2.FINGERING_SOURCE_PRINTED
    step = score.provenance.steps.add(stage="omr", service="omr_service", service_version=VERSION)
    step.parameters["reader"] = "AUTO"
    score.provenance.uncertainty_policy = provenance_pb2.UNCERTAINTY_POLICY_KEEP_ALTERNATIVES
    return score


class Journal:
    """What the stages did."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._failures: dict[tuple[str, str], int] = {}

    def write(self, **entry: Any) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps({"pid": os.getpid(), **entry}) + "\n")

    def read(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_text().splitlines()] if self.path.exists() else []

    def count(self, stage: str, what: str, job_id: str | None = None) -> int:
        return sum(
            entry["stage"] == stage and entry["what"] == what and job_id in (None, entry["job_id"])
            for entry in self.read()
        )

    @contextlib.asynccontextmanager
    async def call(self, stage: str, context: Any, plan: dict[str, Any]) -> AsyncIterator[None]:
        metadata = metadata_dict(context.invocation_metadata())
        job_id = metadata.get(JOB_ID_KEY, "")
        entry = {"stage": stage, "job_id": job_id, "traceparent": metadata.get("traceparent", "")}
        self.write(what="start", time_remaining=context.time_remaining(), **entry)
        started = time.perf_counter()
        try:
            await self._fail_as_planned(stage, job_id, plan)
            await asyncio.sleep(plan.get(f"{stage}_seconds", 0))
            yield
        except asyncio.CancelledError:
            self.write(what="cancelled", **entry)
            raise
        except EtudeError:
            self.write(what="failed", **entry)
            raise
        self.write(what="end", seconds=time.perf_counter() - started, **entry)

    async def _fail_as_planned(self, stage: str, job_id: str, plan: dict[str, Any]) -> None:
        if reason := plan.get(f"{stage}_error"):
            failures = self._failures[stage, job_id] = self._failures.get((stage, job_id), 0) + 1
            if failures <= plan.get(f"{stage}_errors", sys.maxsize):
                raise EtudeError(reason, f"planned: {reason}", metadata={"planned": "yes"})


def _info(name: str, stage: str) -> stage_pb2.StageInfo:
    info = stage_pb2.StageInfo(name=f"{name}_service", version=VERSION)
    if stage in ("omr", "fingering"):
        model = info.models.add(stage=stage, description="A test model.", licence="Apache-2.0", is_default=True)
        model.model.name, model.model.version = f"test-{stage}", "1.0.0"
    return info


async def each(*messages: Any) -> AsyncIterator[Any]:
    for message in messages:
        yield message


class Omr(omr_service_pb2_grpc.OmrServiceServicer):
    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def Inspect(self, request_iterator: Any, context: Any) -> Any:
        content = bytearray()
        async for request in request_iterator:
            content += request.chunk
        plan = json.loads(bytes(content).split(b"\n")[1])
        self._journal.write(stage="inspection", what="done", job_id="", bytes=len(content))
        if code := plan.get("inspection_code"):  # as a stage of other make or gRPC itself would end it
            await context.abort(grpc.StatusCode[code], "planned")
        if reason := plan.get("inspection_error"):
            raise EtudeError(reason, f"planned: {reason}", metadata={"planned": "yes"})
        await asyncio.sleep(plan.get("inspection_seconds", 0))
        return omr_service_pb2.InspectResponse(media_type="application/pdf", page_count=plan["pages"])

    async def InspectFile(self, request: Any, context: Any) -> Any:
        kind = omr_service_pb2.InspectRequest
        return await self.Inspect(each(kind(options=request.options), kind(chunk=request.content)), context)

    def RecognizeFile(self, request: Any, context: Any) -> AsyncIterator[Any]:
        kind = omr_service_pb2.RecognizeRequest
        return self.Recognize(each(kind(options=request.options), kind(chunk=request.content)), context)

    async def Recognize(self, request_iterator: Any, context: Any) -> AsyncIterator[Any]:
        content = bytearray()
        options = None
        async for request in request_iterator:
            if request.HasField("options"):
                options = request.options
            else:
                assert len(request.chunk) <= 1 << 20
                content += request.chunk
        assert options is not None
        plan = json.loads(bytes(content).split(b"\n")[1])
        async with self._journal.call("omr", context, plan):
            count = plan["pages"]
            for page in range(1, count + 1):
                progress = stage_pb2.Progress(stage="omr", page=page, page_count=count, fraction=page / count)
                yield omr_service_pb2.RecognizeResponse(progress=progress)
                await asyncio.sleep(plan.get("page_seconds", 0))
            result = omr_service_pb2.RecognizeResult(scores=[make_score(plan, i) for i in range(plan["scores"])])
            for page in range(1, count + 1):
                failed = page in plan["failed_pages"]
                result.pages.add(
                    page_number=page,
                    status=page_pb2.PAGE_STATUS_FAILED if failed else page_pb2.PAGE_STATUS_READ,
                    message="too dark" if failed else "",
                )
            yield omr_service_pb2.RecognizeResponse(result=result)

    async def GetStageInfo(self, request: Any, context: Any) -> Any:
        return omr_service_pb2.OmrServiceGetStageInfoResponse(info=_info("omr", "omr"))


class Fingering(fingering_service_pb2_grpc.FingeringServiceServicer):
    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def Annotate(self, request: Any, context: Any) -> AsyncIterator[Any]:
        plan = json.loads(request.score.metadata.subtitle)
        async with self._journal.call("fingering", context, plan):
            progress = stage_pb2.Progress(stage="fingering", fraction=0.5)
            yield fingering_service_pb2.AnnotateResponse(progress=progress)
            pins = {pin.note_id: pin for pin in request.pins}
            if clash := pins.keys() & set(plan.get("impossible_pins", [])):
                violations = [(note_id, "planned") for note_id in sorted(clash)]
                raise EtudeError("IMPOSSIBLE_CONSTRAINT", "planned", violations=violations)
            score = request.score
            for event in score.events:
                for note in event.notes:
                    if pin := pins.get(note.note_id):
                        note.fingering.finger, note.fingering.substitution = pin.finger, pin.substitution
                        note.fingering.source = fingering_pb2.FINGERING_SOURCE_PINNED
                    elif not note.fingering.finger:
                        note.fingering.finger = 1
                        note.fingering.source = fingering_pb2.FINGERING_SOURCE_PREDICTED
                    note.hand = fingering_pb2.HAND_RIGHT
            step = score.provenance.steps.add(stage="fingering", service_version=VERSION)
            step.models.add(name="test-fingering", version="1.0.0")
            step.parameters["size"] = fingering_service_pb2.HandSize.Name(request.hand_profile.size)
            yield fingering_service_pb2.AnnotateResponse(result=fingering_service_pb2.AnnotateResult(score=score))

    async def GetStageInfo(self, request: Any, context: Any) -> Any:
        info = _info("fingering", "fingering")
        return fingering_service_pb2.FingeringServiceGetStageInfoResponse(info=info)


_SUFFIXES = {
    renderer_service_pb2.OUTPUT_FORMAT_MUSICXML: "application/vnd.recordare.musicxml+xml",
    renderer_service_pb2.OUTPUT_FORMAT_MIDI: "audio/midi",
    renderer_service_pb2.OUTPUT_FORMAT_SVG: "image/svg+xml",
    renderer_service_pb2.OUTPUT_FORMAT_PDF: "application/pdf",
    renderer_service_pb2.OUTPUT_FORMAT_ANNOTATED_PDF: "application/pdf",
    renderer_service_pb2.OUTPUT_FORMAT_REVIEW: "text/html",
}


class Renderer(renderer_service_pb2_grpc.RendererServiceServicer):
    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def RenderScores(self, request: Any, context: Any) -> AsyncIterator[Any]:
        kind = renderer_service_pb2.RenderRequest
        original = [kind(original_chunk=request.original)] if request.original else []
        scores = [kind(score=score) for score in request.scores]
        return self.Render(each(kind(options=request.options), *scores, *original), context)

    async def Render(self, request_iterator: Any, context: Any) -> AsyncIterator[Any]:
        options, scores, original = None, [], bytearray()
        async for request in request_iterator:
            if request.HasField("options"):
                options = request.options
            elif request.HasField("score"):
                scores.append(request.score)
            else:
                original += request.original_chunk
        assert options is not None
        assert options.formats
        plan = json.loads(scores[0].metadata.subtitle)
        async with self._journal.call("rendering", context, plan):
            files = 0
            for format_ in options.formats:
                annotated = format_ in (
                    renderer_service_pb2.OUTPUT_FORMAT_ANNOTATED_PDF,
                    renderer_service_pb2.OUTPUT_FORMAT_REVIEW,
                )
                assert bool(original) or not annotated
                pages = [1, 2] if format_ == renderer_service_pb2.OUTPUT_FORMAT_SVG else [0]
                for index in [-1] if annotated else range(len(scores)):
                    fingers = [
                        [note.fingering.finger for event in score.events for note in event.notes]
                        for score in (scores if annotated else [scores[index]])
                    ]
                    for page in pages:
                        content = f"{format_} {index} {page} {fingers}".encode() + (
                            bytes(original) if annotated else b""
                        )
                        head = renderer_service_pb2.RenderedFile(
                            format=format_,
                            score_index=index,
                            page_number=page,
                            media_type=_SUFFIXES[format_],
                            size_bytes=len(content),
                            sha256="0" * 64 if plan.get("rendering_lies") else hashlib.sha256(content).hexdigest(),
                        )
                        if options.inline_small_files and not plan.get("rendering_in_chunks"):
                            head.content = content
                            yield renderer_service_pb2.RenderResponse(file=head)
                            files += 1
                            continue
                        yield renderer_service_pb2.RenderResponse(file=head)
                        for start in range(0, len(content), 1 << 20):
                            yield renderer_service_pb2.RenderResponse(chunk=content[start : start + (1 << 20)])
                        files += 1
            result = renderer_service_pb2.RenderResult(file_count=files, remarks=plan.get("rendering_remarks", []))
            yield renderer_service_pb2.RenderResponse(result=result)

    async def GetStageInfo(self, request: Any, context: Any) -> Any:
        return renderer_service_pb2.RendererServiceGetStageInfoResponse(info=_info("renderer", "rendering"))


def definition(name: str, journal: Journal) -> ServiceDefinition:
    full_name, servicer, add = {
        "omr": ("etude.stage.v1.OmrService", Omr, omr_service_pb2_grpc.add_OmrServiceServicer_to_server),
        "fingering": (
            "etude.stage.v1.FingeringService",
            Fingering,
            fingering_service_pb2_grpc.add_FingeringServiceServicer_to_server,
        ),
        "renderer": (
            "etude.stage.v1.RendererService",
            Renderer,
            renderer_service_pb2_grpc.add_RendererServiceServicer_to_server,
        ),
    }[name]

    @contextlib.asynccontextmanager
    async def start(settings: ServiceSettings) -> AsyncIterator[Sequence[Servicer]]:
        yield [Servicer(full_name, partial(add, servicer(journal)))]  # type: ignore[arg-type]

    return ServiceDefinition(name=name, package="tests", settings_class=ServiceSettings, start=start)


@contextlib.asynccontextmanager
async def running_stages(
    journal: Journal, addresses: dict[str, str] | None = None
) -> AsyncIterator[dict[str, ServerHandle]]:
    """The three stages, serving; their handles by name."""
    async with contextlib.AsyncExitStack() as stack:
        handles = {}
        for name in NAMES:
            address = (addresses or {}).get(name, "127.0.0.1:0")
            settings = ServiceSettings(address=address, drain_seconds=0.2)
            handles[name] = await stack.enter_async_context(running_server(definition(name, journal), settings))
        yield handles


async def _main(journal: Path, ports: Sequence[str]) -> None:
    addresses = {name: f"127.0.0.1:{port}" for name, port in zip(NAMES, ports, strict=True)}
    async with running_stages(Journal(journal), addresses):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), sys.argv[2:]))
