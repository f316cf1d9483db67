"""etude jobs, version and help."""

import json

import pytest

from etude.client import AsyncEtudeClient


@pytest.fixture
async def job_id(etude, server, tmp_path) -> str:
    (tmp_path / "sonata.pdf").write_bytes(b"%PDF mine")
    done = await etude("annotate", "sonata.pdf", "-o", "out", "--server", server, "--json")
    return json.loads(done.out)["job_id"]


async def test_list_and_show(etude, server, job_id):
    table = await etude("jobs", "list", "--server", server)
    assert job_id in table.out
    assert "COMPLETED" in table.out
    assert "sonata.pdf" in table.out
    found = json.loads((await etude("jobs", "list", "--json", "--state", "completed", ETUDE_SERVER=server)).out)
    assert [job["job_id"] for job in found] == [job_id]
    assert (await etude("jobs", "list", "--state", "failed", "--server", server)).out == "No jobs.\n"
    shown = await etude("jobs", "show", job_id, "--server", server)
    assert "8 measures, 1,234 notes, 1,234 fingered" in shown.out
    whole = json.loads((await etude("jobs", "show", job_id, "--server", server, "--json")).out)
    assert len(whole["artifacts"]) == 9


async def test_watch(etude, server, job_id):
    lines = (await etude("jobs", "watch", job_id, "--server", server)).out.splitlines()
    assert "PENDING" in lines[0]
    assert "reading page 1 of 2, 50%" in lines[2]
    assert "COMPLETED" in lines[-1]
    later = (await etude("jobs", "watch", job_id, "--after", "2", "--json", "--server", server)).out.splitlines()
    assert [json.loads(line)["sequence"] for line in later] == list(range(3, len(lines) + 1))


async def test_a_job_that_failed_makes_watch_fail(etude, server, tmp_path):
    (tmp_path / "bad.pdf").write_bytes(b"%PDF bad")
    async with AsyncEtudeClient(server) as client:  # `etude annotate` would delete the job once it told the reason
        await client.create_job(tmp_path / "bad.pdf")
    assert (await etude("jobs", "watch", "j1", "--server", server)).code == 1
    retried = await etude("jobs", "retry", "j1", "--server", server)
    assert (retried.code, retried.out) == (0, "j1: OMR_PROCESSING (reading page 1 of 2, 50%)\n")
    cancelled = await etude("jobs", "cancel", "j1", "--reason", "enough", "--server", server, "--json")
    assert json.loads(cancelled.out)["state"] == "CANCELLED"
    again = await etude("jobs", "cancel", "j1", "--server", server)
    assert (again.code, again.err) == (1, "Error: The job is CANCELLED already. [INVALID_STATE]\n")


async def test_download(etude, server, job_id, tmp_path):
    done = await etude("jobs", "download", job_id, "-o", "copy", "--formats", "midi,svg", "--server", server)
    assert done.out.splitlines() == ["copy/sonata.mid", "copy/sonata.svg", "copy/sonata.2.svg"]
    assert (tmp_path / "copy" / "sonata.mid").read_bytes() == b"MThd"


async def test_pin_fingers(etude, server, store, job_id):
    pins = ("n1=3", "n2=4-5", "n7=L2", "--unpin", "n9")
    done = await etude("jobs", "finger", job_id, *pins, "--server", server)
    assert done.out == f"{job_id}: 2 notes changed: n1 n2\n"
    (request,) = store.pins
    asked = [(pin.note_id, pin.finger, pin.substitution, pin.hand) for pin in request.pins]
    assert asked == [("n1", 3, 0, 0), ("n2", 4, 5, 0), ("n7", 2, 0, 2)]
    assert list(request.unpin_note_ids) == ["n9"]
    as_json = await etude("jobs", "finger", job_id, "n1=3", "--server", server, "--json")
    assert json.loads(as_json.out)["changed_note_ids"] == ["n1", "n2"]
    wrong = await etude("jobs", "finger", job_id, "n1=6", "--server", server)
    assert wrong.code == 2
    assert "n1=6" in wrong.err


async def test_pins_of_an_earlier_job_are_asked_for(etude, server, store, job_id):
    done = await etude("annotate", "sonata.pdf", "-o", "again", "--pins-from", job_id, "--server", server, "--json")
    assert store.jobs[json.loads(done.out)["job_id"]].options.pins_from_job_id == job_id


async def test_delete(etude, server, store, job_id):
    assert (await etude("jobs", "delete", job_id, "--server", server)).code == 130  # nobody is there to say yes
    assert job_id in store.jobs
    assert (await etude("jobs", "delete", job_id, "--yes", "--server", server)).out == f"{job_id}: deleted\n"
    gone = await etude("jobs", "show", job_id, "--server", server)
    assert (gone.code, gone.err) == (1, f"Error: There is no job {job_id}. [JOB_NOT_FOUND]\n")


async def test_version_and_help(etude):
    assert json.loads((await etude("version", "--json")).out)["score_schema"] == "1.0.0"
    for command in ([], ["annotate"], ["serve"], ["jobs"], ["jobs", "download"]):
        done = await etude(*command, "--help")
        assert done.code == 0
        assert "Usage: etude" in done.out
    assert (await etude("conduct")).code == 2
    assert (await etude("serve", "brass")).code == 2
