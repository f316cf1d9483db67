"""The work of `etude eval omr`: documents read by the mesh, readings compared with their truths."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from etude.cli.failures import describe
from etude.cli.progress import ProgressDisplay
from etude.cli.stages import StageCalls, stage_calls
from etude.evaluation.evaluate import Read, evaluate, read_pred
from etude.evaluation.files import DOCUMENT_SUFFIXES, Referee
from etude.evaluation.from_score import reading_of
from etude.evaluation.musicdiff import MusicdiffError, omr_ned
from etude.evaluation.pairs import Pair
from etude.evaluation.piece import Piece
from etude.evaluation.reading import NOTHING, Reading
from etude.mesh.errors import EtudeError
from etude.stage.v1 import omr_service_pb2

PARALLEL = 2
"""Documents read at a time; the pages of each are read by workers of the stage."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be evaluated.

    Attributes:
        truths: The pairs with their truths.
        reader: Which reader is asked for documents.
        referee: Reads `**kern`; None where there is none.
        folder: Where MusicXML of documents goes; made if missing.
        musicdiff: The Python that has musicdiff; "" to leave OMR-NED out.
        musicxml: Whether MusicXML of documents is wanted.
    """

    truths: Sequence[tuple[Pair, Reading]]
    reader: omr_service_pb2.ReaderMode.ValueType
    referee: Referee | None
    folder: Path
    musicdiff: str
    musicxml: bool


async def evaluate_pairs(plan: Plan, display: ProgressDisplay) -> list[Piece]:
    """All pairs, evaluated, in their order."""
    plan.folder.mkdir(parents=True, exist_ok=True)
    documents = [pair for pair, _ in plan.truths if is_document(pair.pred)]
    reads = await _read_documents(plan, documents, display) if documents else {}
    pieces = []
    for pair, truth in plan.truths:
        read = reads[pair] if pair in reads else read_pred(pair, plan.referee)
        piece = await asyncio.to_thread(evaluate, pair, truth, read)
        pieces.append(await _with_distance(plan, pair, piece, display) if plan.musicdiff else piece)
    return pieces


def is_document(path: Path) -> bool:
    """Whether a reading is a document that is yet to be read."""
    return path.suffix.lower() in DOCUMENT_SUFFIXES


def musicxml_of(plan: Plan, name: str, pred: Path, movement: int = 0) -> Path:
    """The MusicXML file of a movement, from 0, of a pair's reading."""
    if not is_document(pred):
        return pred
    return plan.folder / (f"{name}.mov{movement + 1}.musicxml" if movement else f"{name}.musicxml")


async def _read_documents(plan: Plan, pairs: Sequence[Pair], display: ProgressDisplay) -> dict[Pair, Read]:
    turns = asyncio.Semaphore(PARALLEL)
    async with stage_calls("omr", "renderer") as stages:

        async def take_turn(pair: Pair) -> Read:
            async with turns:
                progress = display.begin(pair.name, "reading")
                try:
                    return await _read_document(plan, stages, pair)
                finally:
                    progress.finish()

        return dict(zip(pairs, await asyncio.gather(*map(take_turn, pairs)), strict=True))


async def _read_document(plan: Plan, stages: StageCalls, pair: Pair) -> Read:
    started = time.perf_counter()
    try:
        result = await stages.recognize(pair.pred, plan.reader)
        facts = {"pages": len(result.pages), "seconds": round(time.perf_counter() - started, 2)}
        if plan.musicxml:
            for movement, content in enumerate(await stages.musicxml(result.scores)):
                musicxml_of(plan, pair.name, pair.pred, movement).write_bytes(content)
    except (EtudeError, OSError) as error:
        return Read(NOTHING, describe(error))
    return Read(reading_of(result.scores), facts=facts)


async def _with_distance(plan: Plan, pair: Pair, piece: Piece, display: ProgressDisplay) -> Piece:
    if piece.error:
        return piece
    progress = display.begin(pair.name, "comparing with musicdiff")
    try:
        pred = musicxml_of(plan, pair.name, pair.pred)
        distance = await asyncio.to_thread(omr_ned, pair.truth, pred, python=plan.musicdiff)
    except MusicdiffError as error:
        display.say(f"{pair.name}: no OMR-NED: {error}")
        return piece
    finally:
        progress.finish()
    return replace(piece, distance=distance)
