"""etude annotate against a server that speaks the contract."""

import asyncio
import json
import signal

import pytest

from etude.job.v1 import job_pb2
from etude.stage.v1 import renderer_service_pb2
from tests.cli.conftest import start_etude

ALL_FILES = {
    "sonata.annotated.pdf", "sonata.ir_v1.json", "sonata.ir_v2.json", "sonata.mid", "sonata.musicxml", "sonata.pdf",
    "sonata.svg", "sonata.2.svg",
}  # fmt: skip


@pytest.fixture
def sonata(tmp_path):
    path = tmp_path / "sonata.pdf"
    path.write_bytes(b"%PDF mine")
    return path


def names(directory) -> set[str]:
    return {path.name for path in directory.iterdir()}


async def test_all_files_and_a_closing_line(etude, server, sonata, tmp_path):
    done = await etude("annotate", sonata, "-o", "out", "--server", server)
    assert done.code == 0, done.err
    assert names(tmp_path / "out") == ALL_FILES
    assert "read 2 pages, 8 measures, 1,234 notes, all fingered. 8 files in out." in done.out
    assert "Doubtful: measures 1, 3–5 (5 places)." in done.out
    assert "reading page 1 of 2" in done.err
    again = await etude("annotate", sonata, "-o", "out", "--server", server)
    assert "8 files in out, 8 of them replaced." in again.out


async def test_pages_that_only_an_earlier_run_had_do_not_stay_among_the_new_ones(etude, server, sonata, tmp_path):
    await etude("annotate", sonata, "-o", "out", "--server", server)
    for name in ("sonata.3.svg", "sonata.mov2.mid", "sonata.mov2.2.svg"):
        (tmp_path / "out" / name).write_bytes(b"earlier")
    others = {
        "sonata.3.png",
        "sonata.new.svg",
        "sonata.4.svg",
        "sonata.4.mid",
        "sonata.4.ir_v2.json",
    }  # of sonata.4.pdf
    for name in others:
        (tmp_path / "out" / name).write_bytes(b"another's")
    await etude("annotate", sonata, "-o", "out", "--server", server)
    assert names(tmp_path / "out") == ALL_FILES | others


async def test_the_input_is_never_overwritten(etude, server, sonata, tmp_path):
    for overwrite in ([], ["--overwrite"], ["-o", "."]):
        done = await etude("annotate", "sonata.pdf", "--server", server, *overwrite)
        assert done.code == 0, done.err
        assert sonata.read_bytes() == b"%PDF mine"
        assert (tmp_path / "sonata.fingered.pdf").read_bytes() == b"%PDF engraved"


async def test_a_file_somebody_else_made_is_in_the_way(etude, server, sonata, tmp_path):
    (tmp_path / "sonata.mid").write_bytes(b"my recording")
    done = await etude("annotate", "sonata.pdf", "--server", server)
    assert done.code == 1
    assert "sonata.mid is in the way" in done.err
    assert (tmp_path / "sonata.mid").read_bytes() == b"my recording"
    assert names(tmp_path) == {"sonata.pdf", "sonata.mid"}
    assert (await etude("annotate", "sonata.pdf", "--server", server, "--overwrite")).code == 0
    assert (tmp_path / "sonata.mid").read_bytes() == b"MThd"


async def test_options_reach_the_job(etude, server, store, sonata, tmp_path):
    done = await etude(
        "annotate", sonata, "-o", "out", "--server", server, "--formats", "svg,ir_v2", "--hand-size", "s",
        "--max-span", "13", "--density", "essential", "--reader", "engraved", "--pages", "2-3",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert names(tmp_path / "out") == {"sonata.svg", "sonata.2.svg", "sonata.ir_v2.json"}
    options = store.jobs["j1"].options
    assert list(options.formats) == [renderer_service_pb2.OUTPUT_FORMAT_SVG]
    assert (options.hand_profile.size, options.hand_profile.max_span_semitones) == (1, 13)
    assert (options.first_page, options.last_page, options.density, options.reader) == (2, 3, 2, 2)


async def test_a_file_that_fails_does_not_stop_the_others(etude, server, sonata, tmp_path):
    (tmp_path / "bad.pdf").write_bytes(b"%PDF bad")
    (tmp_path / "empty.pdf").write_bytes(b"")
    done = await etude("annotate", "bad.pdf", "none.pdf", "empty.pdf", sonata, "-o", "out", "--server", server)
    assert done.code == 1
    assert names(tmp_path / "out") == ALL_FILES
    assert "bad.pdf: failed. There is no piano music in this file. [NO_MUSIC]" in done.err
    assert "none.pdf: failed. There is no file none.pdf; check the path. [INVALID_REQUEST]" in done.err
    assert "empty.pdf: failed. The file is empty; send a PDF. [EMPTY_FILE]" in done.err
    assert "Traceback" not in done.err


async def test_what_is_no_file_is_told_with_what_to_do(etude, server, tmp_path):
    (tmp_path / "scans").mkdir()
    done = await etude("annotate", "scans", "https://example.org/a.pdf", "-o", "out", "--server", server)
    assert done.code == 1
    assert "scans: failed. The path scans is a directory; name the files in it. [INVALID_REQUEST]" in done.err
    assert "a.pdf: failed. This is an address on the web, from which nothing is fetched" in done.err


async def test_json_has_a_line_per_file(etude, server, sonata, tmp_path):
    (tmp_path / "bad.pdf").write_bytes(b"%PDF bad")
    done = await etude("annotate", "bad.pdf", sonata, "-o", "out", "--server", server, "--json")
    assert done.code == 1
    reports = {report["file"]: report for report in map(json.loads, done.out.splitlines())}
    assert reports["bad.pdf"]["status"] == "failed"
    assert reports["bad.pdf"]["error"]["reason"] == "NO_MUSIC"
    good = reports[str(sonata)]
    assert good["status"] == "completed"
    assert good["summary"]["note_count"] == 1234
    assert good["doubtful"] == [{"count": 5, "measures": ["1", "3", "4", "5"]}]
    assert len(good["outputs"]) == len(ALL_FILES)
    assert done.err == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interruption_cancels_the_job_and_leaves_nothing(server, store, tmp_path, number):
    (tmp_path / "slow.pdf").write_bytes(b"%PDF slow")
    process = await start_etude("annotate", "slow.pdf", "-o", "out", "--server", server, cwd=tmp_path)
    async with asyncio.timeout(60):
        while not store.watches:  # noqa: ASYNC110 - the server of another process knows no event
            await asyncio.sleep(0.02)
    process.send_signal(number)
    _, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 130
    assert b"Traceback" not in err and b"Stopping" in err
    assert store.jobs["j1"].state == job_pb2.JOB_STATE_CANCELLED
    assert not (tmp_path / "out").exists()


async def test_a_file_that_takes_too_long_is_given_up(etude, server, store, tmp_path):
    (tmp_path / "slow.pdf").write_bytes(b"%PDF slow")
    done = await etude("annotate", "slow.pdf", "-o", "out", "--server", server, "--timeout", "1")
    assert done.code == 1
    assert "[TIME_LIMIT]" in done.err
    assert store.jobs["j1"].state == job_pb2.JOB_STATE_CANCELLED


async def test_nobody_at_the_address(etude, sonata):
    done = await etude("annotate", sonata, "--server", "127.0.0.1:9", "-o", "out")
    assert done.code == 1
    assert "127.0.0.1:9 cannot be reached" in done.err
    assert "[DEPENDENCY_UNAVAILABLE]" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Missing argument"),
        (("a.pdf", "--formats", "mp3"), "'mp3' is not a format"),
        (("a.pdf", "--pages", "7-2"), "ends before it begins"),
        (("a.pdf", "--hand-size", "XL"), "--hand-size"),
        (("a.pdf", "b/a.pdf"), "several inputs are called 'a'"),
        (("a.pdf", "--server", "x:1", "--data-dir", "d"), "--data-dir"),
        (("a.pdf", "--max-span", "40"), "--max-span"),
        (("a.pdf", "-o", "/dev/null/out"), "/dev/null is not a directory"),
    ],
)
async def test_wrong_usage(etude, arguments, said):
    done = await etude("annotate", *arguments)
    assert done.code == 2
    assert said in done.err
