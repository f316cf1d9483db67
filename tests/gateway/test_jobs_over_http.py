"""Jobs over HTTP: multipart in, JSON out, events as they come."""

import asyncio
import json

import httpx
import pytest

from etude.job.v1 import artifact_service_pb2, job_pb2
from tests.gateway.contract_server import Store, failed


async def create(http: httpx.AsyncClient, **form: str) -> dict:
    answer = await http.post("/api/v1/jobs", files={"file": ("Étude 3.pdf", b"%PDF-1.7", "application/pdf")}, data=form)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def read_events(http: httpx.AsyncClient, path: str, **options) -> list[dict]:
    """All server-sent events of a stream, as fields; comments under "comment"."""
    events = []
    async with http.stream("GET", path, **options) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        fields: dict = {}
        async for line in answer.aiter_lines():
            if not line:
                events.append(fields)
                fields = {}
                continue
            name, _, value = line.partition(": ")
            fields[name or "comment"] = json.loads(value) if name == "data" else value
    return events


async def test_a_document_becomes_a_job(http, store):
    answer = await http.post(
        "/api/v1/jobs",
        files={"file": ("Étude 3.pdf", b"%PDF" * 700_000, "application/pdf")},
        data={"hand_size": "s", "formats": "midi,svg", "pages": "2-", "density": "essential"},
    )
    assert answer.status_code == 201
    job = answer.json()
    assert answer.headers["location"] == f"/api/v1/jobs/{job['job_id']}"
    assert job["state"] == "PENDING"
    assert job["source"]["filename"] == "Étude 3.pdf"
    assert job["options"]["hand_profile"] == {"size": "SMALL", "max_span_semitones": 0}
    assert job["options"]["formats"] == ["MIDI", "SVG"]
    assert job["options"]["first_page"] == 2
    assert job["options"]["reader"] is None
    assert job["error"] is None
    assert store.files[job["job_id"]] == b"%PDF" * 700_000
    assert (await http.get(answer.headers["location"])).json()["job_id"] == job["job_id"]


async def test_the_order_of_form_fields_does_not_matter(http, store):
    boundary = "b"
    file = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF\r\n'
    option = f'--{boundary}\r\nContent-Disposition: form-data; name="hand_size"\r\n\r\nL\r\n'
    for parts in (file + option, option + file):
        answer = await http.post(
            "/api/v1/jobs",
            content=f"{parts}--{boundary}--\r\n",
            headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
        )
        assert answer.json()["options"]["hand_profile"]["size"] == "LARGE"


@pytest.mark.parametrize("key", ["6f0e2a4c-9a34-4f7e-8b1a-0c9de1a7c001", "my upload of Tuesday"])
async def test_an_idempotency_key_makes_one_job_of_two_requests(http, store, key):
    ids = set()
    for _ in range(2):
        answer = await http.post("/api/v1/jobs", files={"file": ("a.pdf", b"%PDF")}, headers={"Idempotency-Key": key})
        ids.add(answer.json()["job_id"])
    assert len(ids) == 1
    assert len(store.jobs) == 1


async def test_lists_have_pages_and_states(http, store):
    made = [(await create(http))["job_id"] for _ in range(3)]
    await store.move(made[0], job_pb2.JOB_STATE_FAILED)
    first = (await http.get("/api/v1/jobs", params={"page_size": 2})).json()
    assert [job["job_id"] for job in first["jobs"]] == made[:0:-1]
    rest = (await http.get("/api/v1/jobs", params={"page_token": first["next_page_token"]})).json()
    assert [job["job_id"] for job in rest["jobs"]] == [made[0]]
    assert rest["next_page_token"] == ""
    failed_jobs = (await http.get("/api/v1/jobs", params={"state": ["FAILED", "CANCELLED"]})).json()["jobs"]
    assert [job["job_id"] for job in failed_jobs] == [made[0]]


async def test_a_failed_job_says_why_in_the_form_of_every_error(http, store):
    job_id = (await create(http))["job_id"]
    store.jobs[job_id].error.CopyFrom(failed("NO_MUSIC", "There is no piano music in this file."))
    await store.move(job_id, job_pb2.JOB_STATE_OMR_FAILED)
    assert (await http.get(f"/api/v1/jobs/{job_id}")).json()["error"] == {
        "code": "FAILED_PRECONDITION",
        "reason": "NO_MUSIC",
        "message": "There is no piano music in this file.",
        "details": {},
    }


async def test_cancel_retry_and_delete(http, store):
    job_id = (await create(http))["job_id"]
    cancelled = await http.post(f"/api/v1/jobs/{job_id}/cancel", params={"reason": "changed my mind"})
    assert cancelled.json()["state"] == "CANCELLED"
    assert store.events[job_id][-1].reason == "changed my mind"
    again = await http.post(f"/api/v1/jobs/{job_id}/cancel")
    assert again.status_code == 409
    assert again.json()["error"]["reason"] == "INVALID_STATE"
    assert again.json()["error"]["details"]["state"] == "CANCELLED"
    assert (await http.post(f"/api/v1/jobs/{job_id}/retry")).json()["attempt"] == 2
    deleted = await http.delete(f"/api/v1/jobs/{job_id}")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert (await http.get(f"/api/v1/jobs/{job_id}")).status_code == 404


async def test_pinned_fingers_go_on_as_they_are(http, store):
    job_id = (await create(http))["job_id"]
    body = {"pins": [{"note_id": "n1", "finger": 4, "substitution": 5, "hand": "LEFT"}], "unpin_note_ids": ["n7"]}
    answer = await http.post(f"/api/v1/jobs/{job_id}/fingering", json=body)
    assert answer.json()["changed_note_ids"] == ["n1", "n2"]
    (request,) = store.pins
    assert (request.pins[0].note_id, request.pins[0].finger, request.pins[0].hand) == ("n1", 4, 2)
    assert list(request.unpin_note_ids) == ["n7"]
    refused = await http.post(f"/api/v1/jobs/{job_id}/fingering", json={"pins": [{"note_id": "n1", "finger": 6}]})
    assert refused.status_code == 422
    assert refused.json()["error"]["details"]["violations"][0]["field"] == "pins.0.finger"


async def test_events_come_as_they_happen_and_end_with_the_job(http, store):
    job_id = (await create(http))["job_id"]

    async def work() -> None:
        await store.move(job_id, job_pb2.JOB_STATE_OMR_PROCESSING)
        await store.progress(job_id, "omr", 1, 2, 0.5)
        await asyncio.sleep(1.5)
        await store.move(job_id, job_pb2.JOB_STATE_COMPLETED)

    working = asyncio.create_task(work())
    events = await read_events(http, f"/api/v1/jobs/{job_id}/events")
    await working
    assert "retry" in events[0]
    named = [event for event in events if "event" in event]
    assert [event["event"] for event in named] == ["state_changed", "state_changed", "progress", "state_changed", "end"]
    assert [event.get("id") for event in named] == ["1", "2", "3", "4", None]
    assert named[2]["data"]["progress"] == {
        "stage": "omr", "page": 1, "page_count": 2, "fraction": 0.5, "message": ""
    }  # fmt: skip
    assert named[-1]["data"]["state"] == "COMPLETED"
    assert any(event.get("comment") == "heartbeat" for event in events)


async def test_events_resume_after_the_last_one_seen(http, store):
    job_id = (await create(http))["job_id"]
    await store.progress(job_id, "omr", 1, 1, 1.0)
    await store.move(job_id, job_pb2.JOB_STATE_COMPLETED)
    path = f"/api/v1/jobs/{job_id}/events"
    by_header = await read_events(http, path, headers={"Last-Event-ID": "2"})
    by_query = await read_events(http, path, params={"after_sequence": "2"})
    for events in (by_header, by_query):
        assert [event.get("id") for event in events if "event" in event] == ["3", None]
    all_seen = await http.get(path, headers={"Last-Event-ID": "3"})
    assert all_seen.status_code == 204
    nonsense = await http.get(path, headers={"Last-Event-ID": "x"})
    assert nonsense.json()["error"]["reason"] == "INVALID_REQUEST"


async def test_events_of_no_job_are_an_error_and_not_a_stream(http):
    answer = await http.get("/api/v1/jobs/none/events")
    assert answer.status_code == 404
    assert answer.json()["error"]["reason"] == "JOB_NOT_FOUND"


async def test_artifacts_of_a_job(http, store: Store):
    job_id = (await create(http))["job_id"]
    for page in (1, 2, 3, 4):
        store.add_artifact(job_id, artifact_service_pb2.ARTIFACT_KIND_SVG, b"<svg/>", "image/svg+xml", page_number=page)
    store.add_artifact(job_id, artifact_service_pb2.ARTIFACT_KIND_MIDI, b"MThd", "audio/midi", score_index=-1)
    first = (await http.get(f"/api/v1/jobs/{job_id}/artifacts", params={"page_size": 4})).json()
    assert [artifact["page_number"] for artifact in first["artifacts"]] == [1, 2, 3, 4]
    assert first["artifacts"][0]["kind"] == "SVG"
    assert first["artifacts"][0]["size_bytes"] == 6
    assert first["next_page_token"]
    midi = (await http.get(f"/api/v1/jobs/{job_id}/artifacts", params={"kind": "MIDI"})).json()["artifacts"]
    assert [(artifact["kind"], artifact["score_index"]) for artifact in midi] == [("MIDI", -1)]


async def test_models(http):
    models = (await http.get("/api/v1/models")).json()["models"]
    assert models[0]["info"]["model"]["name"] == "ergonomic"
    assert (await http.get("/api/v1/models", params={"stage": "omr"})).json()["models"] == []
