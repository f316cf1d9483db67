"""Bad input: each with a reason a person understands, and nothing left over."""

import asyncio
import io
import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pikepdf
import pytest

from tests.e2e.conftest import SHORT, ServedMesh, etude, finished

pytestmark = pytest.mark.xdist_group("e2e")

MEGABYTE = 1 << 20


def pdf_bytes(pdf: pikepdf.Pdf, **options: object) -> bytes:
    buffer = io.BytesIO()
    pdf.save(buffer, **options)
    return buffer.getvalue()


def encrypted() -> bytes:
    with pikepdf.open(SHORT) as pdf:
        return pdf_bytes(pdf, encryption=pikepdf.Encryption(owner="owner", user="user"))


def blank_pages(number: int, size: tuple[float, float] = (595, 842)) -> bytes:
    pdf = pikepdf.new()
    for _ in range(number):
        pdf.add_blank_page(page_size=size)
    return pdf_bytes(pdf)


def only_text() -> bytes:
    """A page with a sentence and no music."""
    pdf = pikepdf.new()
    page = pdf.add_blank_page(page_size=(595, 842))
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
    page.Contents = pdf.make_stream(b"BT /F1 12 Tf 72 700 Td (A letter to a publisher) Tj ET")
    return pdf_bytes(pdf)


def absurd_page() -> bytes:
    """PDF viewers stop at 14,400 points; the format does not."""
    return blank_pages(1).replace(b"595", b"9999999")


CASES: dict[str, tuple[Callable[[], bytes], set[str]]] = {
    "empty file": (lambda: b"", {"EMPTY_FILE"}),
    "text with the name of a PDF": (lambda: b"Dear publisher,\n" * 50, {"UNSUPPORTED_MEDIA_TYPE"}),
    "truncated": (lambda: SHORT.read_bytes()[:2000], {"CORRUPT_FILE"}),
    "encrypted": (encrypted, {"ENCRYPTED_FILE"}),
    "no music": (only_text, {"NO_MUSIC", "NO_VECTOR_MUSIC"}),
    "no pages": (lambda: blank_pages(0), {"NO_PAGES"}),
    "a thousand pages": (lambda: blank_pages(1000), {"TOO_MANY_PAGES"}),
    "a page of absurd size": (absurd_page, {"PAGE_SIZE"}),
}


def rows(mesh: ServedMesh) -> dict[str, int]:
    """Rows of the tables that hold jobs and what they made."""
    with sqlite3.connect(f"file:{mesh.data_dir / 'etude.sqlite'}?mode=ro", uri=True) as database:
        tables = ("jobs", "job_steps", "job_events", "artifacts", "artifact_lineage")
        return {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


async def left_over(mesh: ServedMesh) -> tuple[dict[str, int], int]:
    """Rows and files there are; files may go a moment after their rows."""
    await asyncio.sleep(0.2)
    return rows(mesh), len(mesh.stored())


@pytest.mark.parametrize("name", CASES)
async def test_it_is_refused_with_a_reason_and_leaves_nothing(mesh: ServedMesh, http, name):
    make, reasons = CASES[name]
    before = await left_over(mesh)
    answer = await http.post("/api/v1/jobs", files={"file": ("sonata.pdf", make(), "application/pdf")})
    if answer.status_code == 201:
        assert name == "no music"  # for which the pages have to be read
        job = await finished(http, answer.json()["job_id"])
        assert job["state"] in ("OMR_FAILED", "FAILED")
        error = job["error"]
        assert (await http.delete(f"/api/v1/jobs/{job['job_id']}")).status_code == 204
    else:
        assert 400 <= answer.status_code < 500
        error = answer.json()["error"]
    assert error["reason"] in reasons
    assert error["message"][0].isupper()
    assert error["message"].endswith((".", "?"))
    assert len(error["message"]) > 20
    assert await left_over(mesh) == before


async def test_two_hundred_megabytes(mesh: ServedMesh, http):
    before = await left_over(mesh)

    async def body() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="big.pdf"\r\n\r\n%PDF-1.7\n'
        for _ in range(200):
            yield bytes(MEGABYTE)
        yield b"\r\n--b--\r\n"

    answer = await http.post(
        "/api/v1/jobs", content=body(), headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert answer.status_code == 413
    assert answer.json()["error"]["reason"] == "FILE_TOO_LARGE"
    assert "MB" in answer.json()["error"]["message"]
    assert await left_over(mesh) == before


def test_the_command_says_the_same_of_each_and_goes_on(tmp_path):
    for name, (make, _) in CASES.items():
        (tmp_path / f"{name}.pdf").write_bytes(make())
    bad = sorted(path.name for path in tmp_path.iterdir())
    done = etude("annotate", *bad, SHORT, "-o", "out", "--formats", "midi", "--json", cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    reports = {Path(report["file"]).stem: report for report in map(json.loads, done.stdout.splitlines())}
    assert reports[SHORT.stem]["status"] == "completed"
    for name, (_, reasons) in CASES.items():
        assert reports[name]["error"]["reason"] in reasons
    assert [path.name for path in (tmp_path / "out").iterdir()] == [f"{SHORT.stem}.mid"]
    assert list((tmp_path / ".cache" / "etude").iterdir()) == []


def test_the_command_leaves_nothing_of_them_in_a_mesh_that_stays(mesh: ServedMesh, tmp_path):
    for name, (make, _) in CASES.items():
        (tmp_path / f"{name}.pdf").write_bytes(make())
    before = rows(mesh), len(mesh.stored())
    bad = sorted(path.name for path in tmp_path.iterdir())
    done = etude("annotate", *bad, "-o", "out", "--server", mesh.address("orchestrator"), "--json", cwd=tmp_path)
    reasons = {report["error"]["reason"] for report in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 1
    assert all(reasons & expected for _, expected in CASES.values())
    assert (rows(mesh), len(mesh.stored())) == before
