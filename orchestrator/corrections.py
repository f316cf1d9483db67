"""Corrections: a user pins fingers of a completed job. New revisions are made; no artifact is edited."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from etude.job.v1 import job_pb2, job_service_pb2
from etude.job.v1.artifact_service_pb2 import ArtifactKind
from etude.mesh.errors import EtudeError
from etude.score.v1 import event_pb2, score_pb2
from etude.stage.v1.fingering_service_pb2 import AnnotateRequest
from etude.stage.v1.renderer_service_pb2 import OutputFormat
from etude.stage.v1.stage_pb2 import Progress
from orchestrator.aio import both
from orchestrator.caller import Caller
from orchestrator.options import check_request_id
from orchestrator.repositories.artifacts import ArtifactRepository, StoredArtifact
from orchestrator.repositories.editor import NewArtifact
from orchestrator.repositories.jobs import JobRef, JobRepository
from orchestrator.repositories.requests import Answer, RequestKey, find_answer, kept_answer
from orchestrator.stages import RenderedFile
from orchestrator.states import COMPLETED, state_name
from orchestrator.steps.base import NewScore, Workshop
from orchestrator.steps.rendering import OF_PAGES, formats_of, render, store_files
from orchestrator.summary import add_fingering, notes_of

_ANNOTATED = OutputFormat.OUTPUT_FORMAT_ANNOTATED_PDF
_V1, _V2 = ArtifactKind.ARTIFACT_KIND_IR_V1, ArtifactKind.ARTIFACT_KIND_IR_V2


@dataclass(frozen=True, slots=True)
class _Present:
    """A job's artifacts as they are before a correction."""

    job: job_pb2.Job
    source: StoredArtifact
    read: Mapping[int, StoredArtifact]  # ir_v1 by score index
    fingered: Mapping[int, StoredArtifact]  # latest ir_v2 by score index
    revisions: Mapping[tuple[ArtifactKind.ValueType, int], int]  # latest by kind and score index


@dataclass(frozen=True, slots=True)
class _Rendered:
    """What one call of the renderer made: the files, the Scores of the job it was given, and its remarks."""

    files: Sequence[RenderedFile]
    score_indices: Sequence[int]
    remarks: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Made:
    """What a correction makes: the Score anew, and the files of it."""

    scores: Sequence[score_pb2.Score]  # all of the job, in the order of `_Present.fingered`
    corrected: NewArtifact
    renderings: Sequence[NewArtifact]
    remarks: Sequence[str]


class Corrections:
    """Pins and unpins fingers."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._store = workshop.store
        # Corrections of one job build on each other.
        self._locks: dict[str, asyncio.Lock] = {}
        self._users: Counter[str] = Counter()

    async def update(
        self, caller: Caller, request: job_service_pb2.UpdateFingeringRequest
    ) -> job_service_pb2.UpdateFingeringResponse:
        """Pin and unpin fingers; a new ir_v2 and new renderings of it.

        Raises:
            EtudeError: JOB_NOT_FOUND; INVALID_STATE unless the job is COMPLETED; INVALID_REQUEST; INVALID_CONSTRAINT
                for unknown notes and impossible fingers; IMPOSSIBLE_CONSTRAINT from the fingering stage;
                REQUEST_ID_REUSED; DEPENDENCY_UNAVAILABLE.
        """
        _check(request)
        key = _request_key(caller, request)
        lock = self._locks.setdefault(request.job_id, asyncio.Lock())
        self._users[request.job_id] += 1
        try:
            async with lock:
                return await self._update(caller, request, key)
        finally:
            self._users[request.job_id] -= 1
            if not self._users[request.job_id]:
                del self._users[request.job_id], self._locks[request.job_id]

    async def _update(
        self, caller: Caller, request: job_service_pb2.UpdateFingeringRequest, key: RequestKey
    ) -> job_service_pb2.UpdateFingeringResponse:
        async with self._store.database.read() as connection:
            record = await JobRepository(connection, caller.tenant_id).get(request.job_id, user_id=caller.user_id)
            answer = await find_answer(connection, key)
            if answer is not None:
                return job_service_pb2.UpdateFingeringResponse.FromString(answer.response)
            _require_completed(record.job)
            present = _present(record.job, await ArtifactRepository(connection, caller.tenant_id).list(request.job_id))
        base = present.fingered.get(request.score_index)
        if base is None:
            raise EtudeError(
                "INVALID_REQUEST",
                f"the job has no Score {request.score_index}; it has {len(present.fingered)}, counted from 0",
                violations=[("score_index", "no such Score")],
            )
        before = await self._workshop.score(base)
        _check_notes(before, request)
        made = await self._made(present, request, base, await self._fingered(present, request, before))
        async with self._store.edit(JobRef(caller.tenant_id, request.job_id), caller.actor) as editor:
            _require_completed(editor.job)
            add_fingering(editor.job.summary, made.scores)
            for artifact in (made.corrected, *made.renderings):
                editor.add_artifact(artifact)
            for remark in made.remarks:
                if remark not in editor.job.summary.remarks:
                    editor.remark(remark)
            response = job_service_pb2.UpdateFingeringResponse(
                job=await editor.save(),
                artifact_id=made.corrected.artifact.artifact_id,
                changed_note_ids=changed_notes(before, made.scores[list(present.fingered).index(request.score_index)]),
            )
            answer = Answer(request.job_id, response.SerializeToString(deterministic=True))
            await editor.connection.apply(kept_answer(key, answer))
        return response

    async def _fingered(
        self, present: _Present, request: job_service_pb2.UpdateFingeringRequest, before: score_pb2.Score
    ) -> score_pb2.Score:
        """The Score with the pins that the request asks for, by the fingering stage."""
        start = score_pb2.Score()
        start.CopyFrom(before)
        _unpin(start, await self._workshop.score(present.read[request.score_index]), request.unpin_note_ids)
        result = await self._workshop.stages.annotate(
            AnnotateRequest(
                score=start,
                hand_profile=present.job.options.hand_profile,
                pins=request.pins,
                model=present.job.options.fingering_model,
                # Only what the pins touch is decided anew: a user's correction does not disturb the rest of the piece.
                keep_predicted=True,
            ),
            _no_report,
        )
        return result.score

    async def _made(
        self,
        present: _Present,
        request: job_service_pb2.UpdateFingeringRequest,
        base: StoredArtifact,
        score: score_pb2.Score,
    ) -> _Made:
        """The corrected Score as a revision of `base`, and what is rendered anew; stored, without rows as yet."""
        index = request.score_index
        new = NewScore(score, index, len(present.fingered), base.artifact.artifact_id, base.artifact.revision + 1)
        scores = [
            score if other == index else await self._workshop.score(stored)
            for other, stored in present.fingered.items()
        ]
        (corrected,), rendered = await both(
            self._workshop.store_scores(present.job, [new], _V2, "correction"),
            self._render(present, index, scores),
        )
        renderings = [
            artifact for each in rendered for artifact in await self._store_renderings(present, index, corrected, each)
        ]
        return _Made(scores, corrected, renderings, [remark for each in rendered for remark in each.remarks])

    async def _render(
        self, present: _Present, score_index: int, scores: Sequence[score_pb2.Score]
    ) -> Sequence[_Rendered]:
        """New renderings of the corrected Score, and of the pages that all Scores share.

        Args:
            present: The job.
            score_index: Which of its Scores was corrected.
            scores: The latest of all its Scores, in the order of `present.fingered`.
        """
        formats = formats_of(present.job)
        indices = list(present.fingered)
        of_score = [format_ for format_ in formats if format_ not in OF_PAGES]
        # a review shows what was read, which a correction of fingers leaves as it is
        of_pages = [format_ for format_ in formats if format_ == _ANNOTATED]
        if indices == [score_index]:  # one call, in which the Score is checked once
            of_score, of_pages = [*of_score, *of_pages], []

        async def make(group: Sequence[OutputFormat.ValueType], of: Sequence[int]) -> _Rendered:
            files, remarks = await render(
                self._workshop,
                present.job,
                formats=group,
                scores=[score for index, score in zip(indices, scores, strict=True) if index in of],
                source=present.source,
                report=_no_report,
            )
            return _Rendered(files, of, remarks)

        groups = [(of_score, [score_index]), (of_pages, indices)]
        return await asyncio.gather(*(make(*group) for group in groups if group[0]))

    async def _store_renderings(
        self, present: _Present, score_index: int, corrected: NewArtifact, rendered: _Rendered
    ) -> Sequence[NewArtifact]:
        score_ids = {index: stored.artifact.artifact_id for index, stored in present.fingered.items()}
        score_ids[score_index] = corrected.artifact.artifact_id
        return await store_files(
            self._workshop,
            present.job,
            rendered.files,
            score_ids=score_ids,
            score_indices=rendered.score_indices,
            source=present.source,
            revisions=present.revisions,
        )


def changed_notes(before: score_pb2.Score, after: score_pb2.Score) -> list[str]:
    """Ids of the notes whose hand, finger or substitution differ, in the order of the Score."""

    def played(note: event_pb2.Note) -> tuple[int, int, int]:
        return note.hand, note.fingering.finger, note.fingering.substitution

    old = {note.note_id: played(note) for note in notes_of(before)}
    return [note.note_id for note in notes_of(after) if old.get(note.note_id) != played(note)]


def _unpin(score: score_pb2.Score, read: score_pb2.Score, note_ids: Iterable[str]) -> None:
    """Give notes back the hand and finger that was read from the page, if any, for the stage to decide anew."""
    wanted = set(note_ids)
    if not wanted:
        return
    printed = {note.note_id: note for note in notes_of(read) if note.note_id in wanted}
    for note in notes_of(score):
        if note.note_id in wanted:
            original = printed.get(note.note_id, event_pb2.Note())
            note.hand = original.hand
            note.ClearField("fingering")
            if original.HasField("fingering"):
                note.fingering.CopyFrom(original.fingering)


def _present(job: job_pb2.Job, artifacts: Sequence[StoredArtifact]) -> _Present:
    latest: dict[tuple[ArtifactKind.ValueType, int], StoredArtifact] = {}
    for stored in artifacts:
        at = (stored.artifact.kind, stored.artifact.score_index)
        if at not in latest or stored.artifact.revision > latest[at].artifact.revision:
            latest[at] = stored
    by_index = sorted(latest.items(), key=lambda item: item[0][1])
    return _Present(
        job=job,
        source=latest[ArtifactKind.ARTIFACT_KIND_SOURCE, -1],
        read={index: stored for (kind, index), stored in by_index if kind == _V1},
        fingered={index: stored for (kind, index), stored in by_index if kind == _V2},
        revisions={at: stored.artifact.revision for at, stored in latest.items()},
    )


def _check(request: job_service_pb2.UpdateFingeringRequest) -> None:
    if not request.pins and not request.unpin_note_ids:
        raise EtudeError(
            "INVALID_REQUEST", "nothing to pin or unpin was named", violations=[("pins", "must not be empty")]
        )
    violations: list[tuple[str, str]] = []
    for index, pin in enumerate(request.pins):
        if not 1 <= pin.finger <= 5:
            violations.append(
                (f"pins[{index}].finger", f"{pin.finger} is no finger; 1 is the thumb, 5 the little finger")
            )
        if not 0 <= pin.substitution <= 5:
            violations.append((f"pins[{index}].substitution", f"{pin.substitution} is no finger; 0 for none"))
    named = Counter([*(pin.note_id for pin in request.pins), *request.unpin_note_ids])
    violations.extend((note_id, "named more than once") for note_id, count in named.items() if count > 1)
    _raise_constraint(violations)


def _check_notes(score: score_pb2.Score, request: job_service_pb2.UpdateFingeringRequest) -> None:
    known = {note.note_id for note in notes_of(score)}
    wanted = [*(pin.note_id for pin in request.pins), *request.unpin_note_ids]
    _raise_constraint([(note_id, "the Score has no such note") for note_id in wanted if note_id not in known])


def _raise_constraint(violations: Sequence[tuple[str, str]]) -> None:
    if violations:
        raise EtudeError(
            "INVALID_CONSTRAINT",
            "; ".join(f"{field}: {text}" for field, text in violations[:5]),
            violations=violations,
        )


def _require_completed(job: job_pb2.Job) -> None:
    if job.state != COMPLETED:
        raise EtudeError(
            "INVALID_STATE",
            f"fingers can be pinned once the job is COMPLETED; it is in {state_name(job.state)}",
            metadata={"state": state_name(job.state)},
        )


def _request_key(caller: Caller, request: job_service_pb2.UpdateFingeringRequest) -> RequestKey:
    asked = job_service_pb2.UpdateFingeringRequest()
    asked.CopyFrom(request)
    asked.ClearField("request_id")
    digest = hashlib.sha256(asked.SerializeToString(deterministic=True)).hexdigest()
    return RequestKey(caller.tenant_id, caller.user_id, "UpdateFingering", check_request_id(request.request_id), digest)


async def _no_report(progress: Progress) -> None:
    """Corrections are quick; nobody is told how far they are."""
