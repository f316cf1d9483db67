"""The page for people, in a real browser: notes are chosen and corrected by mouse, finger and keyboard."""

from __future__ import annotations

import asyncio
import json

import pytest

from etude.job.v1 import artifact_service_pb2, job_pb2
from tests.support.browser import CHROMIUM, browser_page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")

NOTE = '<g class="note" id="{id}"><g class="notehead"><rect x="{x}" y="{y}" width="12" height="10"/></g></g>'
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 400"><g class="system"><g class="measure">'
    f'<g class="staff">{NOTE.format(id="n1", x=100, y=100)}{NOTE.format(id="n2", x=300, y=100)}</g>'
    f'<g class="staff">{NOTE.format(id="n3", x=310, y=300)}</g></g></g></svg>'
)
SCORE = {
    "measures": [{"number": "7"}, {"number": "X8", "implicit": True}],
    "events": [
        {
            "measureIndex": 1,
            "notes": [
                {
                    "noteId": "n2",
                    "pitch": {"step": "STEP_D", "alter": -1, "octave": 5},
                    "fingering": {
                        "finger": 3,
                        "probability": 0.73,
                        "source": "FINGERING_SOURCE_PREDICTED",
                        "alternatives": [{"finger": 4, "probability": 0.25}],
                    },
                }
            ],
        }
    ],
}
SHOWN = "!document.querySelector('#picker').hidden"
LABEL = "document.querySelector('#picker').getAttribute('aria-label')"
MIDI = b"MThd" + bytes(3000)
TEXTS = "[...document.querySelectorAll('#picker small')].map((small) => small.textContent)"
SHADOW = "document.querySelector('.page').shadowRoot"
CHOSEN = "document.querySelector('.page')?.shadowRoot?.querySelector('.chosen')?.id"


@pytest.fixture
async def address(http, store) -> str:
    """The page of a completed job with one page of three notes."""
    job = job_pb2.Job(job_id="j1", state=job_pb2.JOB_STATE_COMPLETED)
    job.source.filename = "sonata.pdf"
    job.summary.page_count = job.summary.pages_read = job.summary.measure_count = 1
    store.jobs["j1"], store.events["j1"] = job, []
    store.add_artifact("j1", artifact_service_pb2.ARTIFACT_KIND_SVG, SVG.encode(), "image/svg+xml", page_number=1)
    store.add_artifact("j1", artifact_service_pb2.ARTIFACT_KIND_IR_V2, json.dumps(SCORE).encode(), "application/json")
    return f"{http.base_url}/#j1"


async def test_a_note_is_chosen_and_corrected_with_the_keyboard_alone(address, store):
    async with browser_page() as page:
        await page.command("Page.navigate", url=address)
        await page.until("document.querySelector('.page')?.shadowRoot?.querySelector('.note')")
        for _ in range(20):
            await page.press("Tab")
            if await page.value("document.activeElement.className") == "page":
                break
        await page.press("ArrowRight")
        assert await page.value(CHOSEN) == "n1"
        await page.press("ArrowRight")
        await page.until(f"{LABEL} === 'Finger of D flat 5 in measure after 7'")
        assert await page.value(TEXTS) == ["", "", "73 %", "25 %", ""]
        await page.press("ArrowDown")
        assert await page.value(CHOSEN) == "n3"
        await page.press("ArrowUp")
        assert await page.value(CHOSEN) == "n2"
        await page.press("4")
        await page.until(f"{CHOSEN} === 'n2' && document.activeElement.className === 'page'")
        assert not await page.value(SHOWN)
    ((pin,),) = [request.pins for request in store.pins]
    assert (pin.note_id, pin.finger) == ("n2", 4)


async def test_files_are_saved_under_their_names_and_the_fingered_pages_are_shown(address, store, tmp_path):
    kinds = artifact_service_pb2
    store.add_artifact("j1", kinds.ARTIFACT_KIND_ANNOTATED_PDF, b"%PDF-1.7 fingered", "application/pdf")
    store.add_artifact("j1", kinds.ARTIFACT_KIND_MIDI, MIDI, "audio/midi", filename="Étude 2.mid")
    store.add_artifact("j1", kinds.ARTIFACT_KIND_MUSICXML, b"<score/>", "text/xml", filename="Étude 2.musicxml")
    async with browser_page() as page:
        await page.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
        await page.command("Page.navigate", url=address)
        await page.until("document.querySelector('.page')?.shadowRoot?.querySelector('.note')")
        links = await page.value("[...document.querySelectorAll('#files a')].map((link) => link.textContent)")
        assert links == ["MusicXML", "MIDI", "Score with fingering (JSON)"]
        expected = {"Étude 2.mid": MIDI, "Étude 2.musicxml": b"<score/>"}
        for number in range(2):
            await page.click_on(f"document.querySelectorAll('#files a')[{number}]")
        async with asyncio.timeout(30):
            while not all((tmp_path / name).exists() for name in expected):  # noqa: ASYNC110 - it is the browser's event
                await asyncio.sleep(0.05)
        assert {name: (tmp_path / name).read_bytes() for name in expected} == expected
        await page.click_on("document.querySelector('#main-files a')")
        await page.until("location.pathname.endsWith('/download')")


async def test_a_job_is_cancelled_with_a_click(http, store):
    job = job_pb2.Job(job_id="j1", state=job_pb2.JOB_STATE_OMR_PROCESSING)
    job.source.filename = "sonata.pdf"
    store.jobs["j1"], store.events["j1"] = job, []
    await store.progress("j1", "omr", page=3, page_count=40, fraction=0.05)
    async with browser_page() as page:
        await page.command("Page.navigate", url=f"{http.base_url}/#j1")
        await page.until("document.querySelector('#stage')?.textContent.includes('page 3 of 40')")
        await page.click_on("document.querySelector('#cancel')")
        await page.until("document.querySelector('#reason').textContent.includes('cancelled')")
        assert await page.value("document.querySelector('#working').hidden")
        assert not await page.value("document.querySelector('#send').disabled")
    assert job.state == job_pb2.JOB_STATE_CANCELLED


async def test_an_earlier_piece_is_deleted_where_that_is_confirmed(address, store):
    running = job_pb2.Job(job_id="j2", state=job_pb2.JOB_STATE_OMR_PROCESSING)
    store.jobs["j2"], store.events["j2"] = running, []
    button = "document.querySelector('#recent button[aria-label=\"Delete sonata.pdf\"]')"
    async with browser_page() as page:
        await page.command("Page.navigate", url=address)
        await page.until(f"!document.querySelector('#result').hidden && {button}")
        assert await page.value("document.querySelectorAll('#recent button').length") == 1, (
            "what runs is cancelled first"
        )
        await page.value("window.confirm = () => false")
        await page.click_on(button)
        assert "j1" in store.jobs
        await page.value("window.confirm = () => true")
        await page.click_on(button)
        await page.until(f"!{button} && document.querySelector('#recent').textContent.includes('at work')")
        assert list(store.jobs) == ["j2"]
        assert await page.value("document.querySelector('#result').hidden && location.hash === ''")
        del store.jobs["j2"]
        await page.value("list()")
        assert await page.value("document.querySelector('#recent').textContent") == "None yet."


async def test_cancelling_while_a_file_is_sent_sends_no_more_and_spares_other_jobs(address, store):
    async with browser_page() as page:
        await page.command("Page.navigate", url=address)
        await page.until("!document.querySelector('#result').hidden")
        # a server that does not answer, as one at the end of a slow line
        await page.value(
            "window.fetch = (path, { signal }) => new Promise((_, refuse) => "
            "signal.addEventListener('abort', () => refuse(signal.reason)))"
        )
        await page.value(
            "(files => { files.items.add(new File(['%PDF-'], 'long.pdf')); "
            "document.querySelector('#file').files = files.files })(new DataTransfer())"
        )
        await page.click_on("document.querySelector('#send')")
        await page.until("document.querySelector('#stage').textContent === 'Sending…'")
        await page.click_on("document.querySelector('#cancel')")
        await page.until("document.querySelector('#reason').textContent.includes('Nothing was sent.')")
        assert not await page.value("document.querySelector('#send').disabled")
    assert store.jobs["j1"].state == job_pb2.JOB_STATE_COMPLETED


async def test_a_tap_beside_a_note_means_it_and_a_phone_shows_all(address, store):
    async with browser_page(width=390, height=800) as page:
        await page.command("Page.navigate", url=address)
        await page.until("document.querySelector('.page')?.shadowRoot?.querySelector('.note')")
        assert await page.value("document.documentElement.scrollWidth <= innerWidth")
        await page.value("document.querySelector('.page').scrollIntoView({ block: 'center', behavior: 'instant' })")
        box = await page.value(f"{SHADOW}.getElementById('n2').getBoundingClientRect().toJSON()")
        await page.click(box["right"] + 8, box["top"] - 8)
        await page.until(SHOWN)
        assert await page.value(CHOSEN) == "n2"
        picker = await page.value("document.querySelector('#picker').getBoundingClientRect().toJSON()")
        assert 0 <= picker["left"] < picker["right"] <= 390
        await page.press("Escape")
        assert not await page.value(SHOWN)
        await page.click(box["right"] + 60, box["top"] - 60)
        assert await page.value(CHOSEN) is None
    assert not store.pins
