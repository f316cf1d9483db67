"""A walk over HTTP through a served mesh: send, watch, resume, download, correct, delete."""

import hashlib
import uuid

import httpx
import pytest

from tests.e2e.conftest import LONG, SHORT, ServedMesh, events_of, finished, send

pytestmark = pytest.mark.xdist_group("e2e")


async def artifacts_of(http: httpx.AsyncClient, job_id: str, **params: object) -> list[dict]:
    answer = await http.get(f"/api/v1/jobs/{job_id}/artifacts", params={"page_size": 1000, **params})
    return answer.json()["artifacts"]


async def test_from_a_pdf_to_its_files(mesh: ServedMesh, http):
    job_id = (await send(http, LONG, hand_size="S"))["job_id"]
    events = await events_of(http, job_id)
    assert events[-1]["event"] == "end"
    job = events[-1]["data"]
    assert job["state"] == "COMPLETED"
    assert job["summary"]["pages_read"] == 4
    assert job["summary"]["fingered_note_count"] == job["summary"]["note_count"] > 1000

    sequences = [int(event["id"]) for event in events[:-1]]
    assert sequences == list(range(1, job["last_sequence"] + 1))
    states = [event["data"]["state"] for event in events if event["event"] == "state_changed"]
    assert states == [
        "PENDING", "OMR_PROCESSING", "OMR_COMPLETED", "FINGERING_PROCESSING", "FINGERING_COMPLETED",
        "RENDERING_PROCESSING", "COMPLETED",
    ]  # fmt: skip
    stages = {event["data"]["progress"]["stage"] for event in events if event["event"] == "progress"}
    assert stages == {"omr", "fingering", "rendering"}

    half = sequences[len(sequences) // 2]
    rest = await events_of(http, job_id, last_event_id=str(half))
    assert [int(event["id"]) for event in rest[:-1]] == sequences[half:]

    artifacts = await artifacts_of(http, job_id)
    assert {artifact["kind"] for artifact in artifacts} == {
        "SOURCE", "IR_V1", "IR_V2", "MUSICXML", "MIDI", "SVG", "SCORE_PDF", "ANNOTATED_PDF", "REVIEW"
    }  # fmt: skip
    created = {event["data"]["artifact_id"] for event in events if event["event"] == "artifact_created"}
    assert created <= {artifact["artifact_id"] for artifact in artifacts}
    for artifact in artifacts:
        content = (await http.get(f"/api/v1/artifacts/{artifact['artifact_id']}/download")).content
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (artifact["sha256"], artifact["size_bytes"])
    (source,) = (artifact for artifact in artifacts if artifact["kind"] == "SOURCE")
    assert source["sha256"] == hashlib.sha256(LONG.read_bytes()).hexdigest()

    (annotated,) = (artifact for artifact in artifacts if artifact["kind"] == "ANNOTATED_PDF")
    path = f"/api/v1/artifacts/{annotated['artifact_id']}"
    part = await http.get(f"{path}/download", headers={"Range": "bytes=100-199"})
    assert part.status_code == 206
    assert part.headers["content-range"] == f"bytes 100-199/{annotated['size_bytes']}"
    whole = await http.get(f"{path}/download")
    assert part.content == whole.content[100:200]
    beyond = await http.get(f"{path}/download", headers={"Range": f"bytes={annotated['size_bytes']}-"})
    assert beyond.status_code == 416

    lineage = (await http.get(f"{path}/lineage")).json()
    assert {edge["transformation"] for edge in lineage["edges"]} >= {"omr", "fingering", "rendering"}
    kinds = {artifact["artifact_id"]: artifact["kind"] for artifact in lineage["artifacts"]}
    sources = {kinds[edge["source_artifact_id"]] for edge in lineage["edges"] if edge["transformation"] == "omr"}
    assert sources == {"SOURCE"}


async def test_an_idempotency_key_makes_one_job(mesh: ServedMesh, http):
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    files = {"file": (SHORT.name, SHORT.read_bytes())}
    data = {"formats": "midi"}
    answers = [await http.post("/api/v1/jobs", files=files, data=data, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert len({answer.json()["job_id"] for answer in answers}) == 1
    await finished(http, answers[0].json()["job_id"])
    other = await http.post("/api/v1/jobs", files={"file": ("b.pdf", LONG.read_bytes())}, headers=headers)
    assert (other.status_code, other.json()["error"]["reason"]) == (409, "REQUEST_ID_REUSED")


async def test_a_pinned_finger_makes_a_new_revision(mesh: ServedMesh, http):
    job_id = (await send(http, SHORT, formats="midi,musicxml"))["job_id"]
    await finished(http, job_id)
    (score,) = await artifacts_of(http, job_id, kind="IR_V2")
    content = (await http.get(f"/api/v1/artifacts/{score['artifact_id']}/download")).json()
    note = next(note for event in content["events"] for note in event.get("notes", []))
    finger = note["fingering"]["finger"] % 5 + 1
    answer = await http.post(
        f"/api/v1/jobs/{job_id}/fingering", json={"pins": [{"note_id": note["noteId"], "finger": finger}]}
    )
    assert answer.status_code == 200, answer.text
    assert note["noteId"] in answer.json()["changed_note_ids"]
    (newest,) = await artifacts_of(http, job_id, kind="IR_V2")
    assert (newest["artifact_id"], newest["revision"]) == (answer.json()["artifact_id"], 2)
    assert len(await artifacts_of(http, job_id, kind="IR_V2", latest_only=False)) == 2
    corrected = (await http.get(f"/api/v1/artifacts/{newest['artifact_id']}/download")).json()
    pinned = [
        one["fingering"]
        for event in corrected["events"]
        for one in event.get("notes", [])
        if one["noteId"] == note["noteId"]
    ]
    assert [(fingering["finger"], fingering["source"]) for fingering in pinned] == [(finger, "FINGERING_SOURCE_PINNED")]


async def test_cancel_list_and_delete(mesh: ServedMesh, http):
    before = len(mesh.stored())
    job_id = (await send(http, LONG))["job_id"]
    cancelled = await http.post(f"/api/v1/jobs/{job_id}/cancel", params={"reason": "test"})
    assert cancelled.json()["state"] == "CANCELLED"
    job = await finished(http, job_id)
    assert job["state"] == "CANCELLED"
    listed = (await http.get("/api/v1/jobs", params={"state": "CANCELLED"})).json()["jobs"]
    assert job_id in {found["job_id"] for found in listed}
    assert (await http.delete(f"/api/v1/jobs/{job_id}")).status_code == 204
    assert (await http.get(f"/api/v1/jobs/{job_id}")).status_code == 404
    assert len(mesh.stored()) == before


async def test_models_readiness_and_metrics(mesh: ServedMesh, http):
    models = (await http.get("/api/v1/models")).json()["models"]
    assert {model["info"]["stage"] for model in models} >= {"fingering"}
    ready = (await http.get("/readyz")).json()
    assert ready == {
        "ready": True,
        "dependencies": dict.fromkeys(["orchestrator", "omr", "fingering", "renderer"], "SERVING"),
    }
    assert "etude_http_request_duration_seconds" in (await http.get("/metrics")).text
