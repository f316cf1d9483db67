"""Pins of an earlier job in a later one on the same music: by themselves, and through a whole orchestrator."""

from __future__ import annotations

import pytest

from etude.job.v1 import job_pb2
from etude.job.v1.job_pb2 import JobState
from etude.score.v1 import event_pb2, fingering_pb2, score_pb2
from orchestrator.carrying import carry_pins
from tests.orchestrator.conftest import Mesh, refused
from tests.orchestrator.stage_servers import document
from tests.orchestrator.test_artifacts import V2, completed, one, score_of

PINNED = fingering_pb2.FINGERING_SOURCE_PINNED


def scale(first_id: int = 0, measures: int = 3, *, on_page: bool = False) -> score_pb2.Score:
    """Measures of four quarter notes, each a different rising scale; ids count from `first_id`."""
    score = score_pb2.Score(divisions=1)
    score.parts.add(part_id="P1", staff_count=2)
    for measure in range(measures):
        score.measures.add(number=str(measure + 1), onset_ticks=4 * measure)
        for beat in range(4):
            event = score.events.add(
                part_id="P1", measure_index=measure, staff=1, voice=1, onset_ticks=4 * measure + beat, duration_ticks=1
            )
            note = event.notes.add(note_id=f"n{first_id + 4 * measure + beat}", staff=1)
            note.midi_pitch = 60 + 3 * measure + beat
            if on_page:
                place = {"page_number": 1, "x": 100 * measure + 20 * beat, "y": 50, "width": 6, "height": 5}
                note.region.CopyFrom(type(note.region)(**place))
    return score


def pin(score: score_pb2.Score, index: int, finger: int, substitution: int = 0) -> None:
    note = score.events[index].notes[0]
    note.hand = fingering_pb2.HAND_LEFT
    note.fingering.finger, note.fingering.substitution, note.fingering.source = finger, substitution, PINNED


def without_measure(score: score_pb2.Score, index: int) -> score_pb2.Score:
    """The score as a reader would give it that had overlooked a measure."""
    rest = [event for event in score.events if event.measure_index != index]
    del score.events[:]
    for event in rest:
        if event.measure_index > index:
            event.measure_index -= 1
            event.onset_ticks -= 4
        score.events.append(event)
    del score.measures[-1]
    return score


def test_pins_go_to_the_same_notes_whatever_their_ids() -> None:
    before = scale()
    pin(before, 5, 4, substitution=5)
    before.events[6].notes[0].fingering.finger = 2  # predicted: not the user's
    carried = carry_pins(before, scale(first_id=100))
    (found,) = carried.pins
    assert (found.note_id, found.finger, found.substitution) == ("n105", 4, 5)
    assert found.hand == fingering_pb2.HAND_LEFT
    assert carried.lost == ()


def test_a_measure_read_more_or_less_shifts_nothing() -> None:
    before = scale(measures=5)
    for index in (5, 17):
        pin(before, index, 3)
    carried = carry_pins(before, without_measure(scale(measures=5), 2))
    assert [p.note_id for p in carried.pins] == ["n5", "n17"]
    carried = carry_pins(before, without_measure(scale(measures=5), 4))
    assert ([p.note_id for p in carried.pins], carried.lost) == (["n5"], ("5",))


def test_a_note_of_another_key_is_another_note() -> None:
    before, now = scale(), scale()
    pin(before, 5, 3)
    now.events[5].notes[0].midi_pitch += 1
    assert carry_pins(before, now).lost == ("2",)


def test_on_a_page_the_place_decides_and_not_the_rhythm() -> None:
    before, now = scale(on_page=True), scale(first_id=50, on_page=True)
    pin(before, 5, 3)
    for event in now.events[3:]:  # a beat was read too long: everything after it comes later
        event.onset_ticks += 1
    now.events[5].notes[0].region.x += 0.4
    assert [p.note_id for p in carry_pins(before, now).pins] == ["n55"]
    now.events[5].notes[0].region.x += 40
    assert carry_pins(before, now).lost == ("2",)


def test_two_pins_never_go_to_one_note() -> None:
    before, now = scale(), scale()
    twin = event_pb2.Event()
    twin.CopyFrom(before.events[5])
    twin.voice, twin.notes[0].note_id = 2, "twin"
    before.events.insert(6, twin)
    pin(before, 5, 3)
    pin(before, 6, 3)
    carried = carry_pins(before, now)
    assert ([p.note_id for p in carried.pins], carried.lost) == (["n5"], ("2",))


async def again(mesh: Mesh, pins_from: str, **plan: object) -> tuple[job_pb2.Job, score_pb2.Score]:
    job = await mesh.client.create(document(**plan), pins_from_job_id=pins_from)
    done = await mesh.client.settled(job.job_id)
    assert done.state == JobState.JOB_STATE_COMPLETED
    return done, await score_of(mesh, one(await mesh.client.list_artifacts(job.job_id), V2))


async def test_pins_survive_a_new_reading(mesh: Mesh) -> None:
    first = await completed(mesh)
    pins = [{"note_id": "n1", "finger": 3}, {"note_id": "n3", "finger": 5}]
    await mesh.client.update(job_id=first.job_id, pins=pins)
    done, score = await again(mesh, first.job_id, ids_from=40)
    marks = {note.note_id: note.fingering for event in score.events for note in event.notes}
    assert {i: m.finger for i, m in marks.items() if m.source == PINNED} == {"n41": 3, "n43": 5}
    assert not done.summary.remarks
    # And on to the next reading, which has overlooked one of the notes.
    done, score = await again(mesh, done.job_id, missing_notes=[3])
    marks = {note.note_id: note.fingering for event in score.events for note in event.notes}
    assert {i: m.finger for i, m in marks.items() if m.source == PINNED} == {"n1": 3}
    (remark,) = done.summary.remarks
    assert remark.startswith("1 pinned fingers of job")


async def test_pins_that_a_new_reading_makes_impossible_are_given_up(mesh: Mesh) -> None:
    first = await completed(mesh)
    pins = [{"note_id": "n1", "finger": 3}, {"note_id": "n3", "finger": 5}]
    await mesh.client.update(job_id=first.job_id, pins=pins)
    done, score = await again(mesh, first.job_id, impossible_pins=["n3"])
    marks = [note.fingering for event in score.events for note in event.notes]
    assert [m.finger for m in marks if m.source == PINNED] == [3]
    assert len(done.summary.remarks) == 1


async def test_pins_of_a_job_that_is_not_there_are_refused(mesh: Mesh) -> None:
    with refused("JOB_NOT_FOUND"):
        await mesh.client.create(document(), pins_from_job_id="nothing")
    assert mesh.files() == set()


def test_a_score_without_pins_gives_none() -> None:
    assert carry_pins(scale(), scale()).pins == ()


@pytest.mark.parametrize("grace_order", [0, 1])
def test_grace_notes_are_told_apart_by_their_order(grace_order: int) -> None:
    scores = []
    for first_id in (0, 100):
        score = scale(first_id)
        for order in (1, 0):
            event = event_pb2.Event(part_id="P1", measure_index=1, staff=1, voice=1, onset_ticks=5)
            event.grace.order = order
            event.notes.add(note_id=f"g{first_id + order}", midi_pitch=70, staff=1)
            score.events.insert(5, event)
        scores.append(score)
    before, now = scores
    pin(before, 5 + grace_order, 2)
    assert [p.note_id for p in carry_pins(before, now).pins] == [f"g{100 + grace_order}"]
