"""kill -9 of the whole mesh in the middle of a job, and a new one on the same data."""

from collections import Counter

import httpx
import pytest

from tests.e2e.conftest import LONG, ServedMesh, events_of, finished, send

pytestmark = pytest.mark.xdist_group("e2e")


async def kill_when(mesh: ServedMesh, reached) -> tuple[str, list[dict]]:
    """Starts a job, kills everything as soon as an event says so; gives the job's id and the events seen."""
    async with httpx.AsyncClient(base_url=mesh.url, timeout=60) as http:
        job_id = (await send(http, LONG))["job_id"]
        seen: list[dict] = []
        try:
            async with http.stream("GET", f"/api/v1/jobs/{job_id}/events") as answer:
                async for line in answer.aiter_lines():
                    seen.append(line)
                    if reached(line):
                        mesh.kill()
        except httpx.TransportError:
            return job_id, seen
    raise AssertionError(f"the job ended before it could be killed: {seen[-3:]}")


@pytest.mark.parametrize(
    ("moment", "done_before"),
    [
        ('"stage":"omr"', set()),
        ('"state":"OMR_COMPLETED"', {"OMR_COMPLETED"}),
        ('"stage":"rendering"', {"OMR_COMPLETED", "FINGERING_COMPLETED"}),
    ],
)
async def test_the_job_goes_on_where_it_was(own_mesh: ServedMesh, moment, done_before):
    own_mesh.start()
    job_id, _ = await kill_when(own_mesh, lambda line: moment in line)
    own_mesh.start()
    async with httpx.AsyncClient(base_url=own_mesh.url, timeout=60) as http:
        job = await finished(http, job_id)
        assert job["state"] == "COMPLETED", job["error"]
        assert job["attempt"] == 1
        events = [event["data"] for event in await events_of(http, job_id) if event["event"] != "end"]
        assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
        entered = Counter(event["state"] for event in events if event["kind"] == "STATE_CHANGED")
        for state in done_before:
            # A stage that was finished is not run again: its states are entered once.
            assert entered[state] == 1
            assert entered[state.replace("COMPLETED", "PROCESSING")] == 1
        assert entered["COMPLETED"] == 1
        artifacts = (await http.get(f"/api/v1/jobs/{job_id}/artifacts?page_size=1000&latest_only=false")).json()
        keys = Counter(
            (artifact["kind"], artifact["score_index"], artifact["page_number"]) for artifact in artifacts["artifacts"]
        )
        assert set(keys.values()) == {1}
        assert {artifact["revision"] for artifact in artifacts["artifacts"]} == {1}
        assert {"IR_V1", "IR_V2", "MUSICXML", "MIDI", "SVG", "SCORE_PDF", "ANNOTATED_PDF"} <= {key[0] for key in keys}
        assert len(own_mesh.stored()) == len(artifacts["artifacts"])
        assert len((await http.get("/api/v1/jobs")).json()["jobs"]) == 1
