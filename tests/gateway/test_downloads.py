"""Bytes of artifacts over HTTP: ranges, entity tags, names."""

import pytest

from etude.content_disposition import content_disposition
from etude.job.v1 import artifact_service_pb2
from etude.mesh.errors import EtudeError
from gateway.ranges import ByteRange, matches, parse_range

CONTENT = bytes(range(256)) * 16


@pytest.fixture
def artifact_id(store) -> str:
    return store.add_artifact(
        "j1", artifact_service_pb2.ARTIFACT_KIND_MIDI, CONTENT, "audio/midi", filename="Étude.mid"
    )


async def test_all_of_it(http, artifact_id, store):
    answer = await http.get(f"/api/v1/artifacts/{artifact_id}/download")
    assert answer.content == CONTENT
    assert answer.headers["content-type"] == "audio/midi"
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert answer.headers["etag"] == f'"{store.artifacts[artifact_id][0].sha256}"'
    assert answer.headers["accept-ranges"] == "bytes"
    assert "filename*=UTF-8''%C3%89tude.mid" in answer.headers["content-disposition"]


async def test_head_has_the_headers_and_no_body(http, artifact_id):
    answer = await http.head(f"/api/v1/artifacts/{artifact_id}/download")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(CONTENT))


@pytest.mark.parametrize(
    ("header", "expected", "content_range"),
    [
        ("bytes=0-9", CONTENT[:10], "bytes 0-9/4096"),
        ("bytes=4090-", CONTENT[4090:], "bytes 4090-4095/4096"),
        ("bytes=-5", CONTENT[-5:], "bytes 4091-4095/4096"),
        ("bytes=4000-9999", CONTENT[4000:], "bytes 4000-4095/4096"),
        ("bytes=-9999", CONTENT, "bytes 0-4095/4096"),
        ("bytes=1000-3500", CONTENT[1000:3501], "bytes 1000-3500/4096"),
    ],
)
async def test_a_range(http, artifact_id, header, expected, content_range):
    answer = await http.get(f"/api/v1/artifacts/{artifact_id}/download", headers={"Range": header})
    assert answer.status_code == 206
    assert answer.content == expected
    assert answer.headers["content-range"] == content_range


@pytest.mark.parametrize("header", ["bytes=0-1,3-4", "lines=1-2", "bytes=9-3", "bytes=-", "nonsense"])
async def test_a_range_that_is_not_understood_gets_all_of_it(http, artifact_id, header):
    answer = await http.get(f"/api/v1/artifacts/{artifact_id}/download", headers={"Range": header})
    assert (answer.status_code, len(answer.content)) == (200, len(CONTENT))


@pytest.mark.parametrize("header", ["bytes=4096-", "bytes=5000-6000", "bytes=-0"])
async def test_a_range_beyond_the_end(http, artifact_id, header):
    answer = await http.get(f"/api/v1/artifacts/{artifact_id}/download", headers={"Range": header})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */4096"
    assert answer.json()["error"]["reason"] == "OUT_OF_RANGE"


async def test_what_the_client_has_is_not_sent_again(http, artifact_id):
    path = f"/api/v1/artifacts/{artifact_id}/download"
    etag = (await http.get(path)).headers["etag"]
    same = await http.get(path, headers={"If-None-Match": f'"other", W/{etag}'})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    assert (await http.get(path, headers={"If-None-Match": '"other"'})).status_code == 200


async def test_a_range_of_another_version_gets_all_of_it(http, artifact_id):
    path = f"/api/v1/artifacts/{artifact_id}/download"
    etag = (await http.get(path)).headers["etag"]
    assert (await http.get(path, headers={"Range": "bytes=0-1", "If-Range": etag})).status_code == 206
    assert (await http.get(path, headers={"Range": "bytes=0-1", "If-Range": '"older"'})).status_code == 200


URL = "https://s3.example.org/etude/a1?X-Amz-Signature=0"


async def test_who_asks_to_be_sent_to_the_object_store_is(http, artifact_id, store):
    store.download_url = URL
    path = f"/api/v1/artifacts/{artifact_id}/download"
    sent = await http.get(path, params={"redirect": "true"}, headers={"Range": "bytes=0-9"})
    assert (sent.status_code, sent.headers["location"], sent.content) == (307, URL, b"")
    assert sent.headers["etag"] == f'"{store.artifacts[artifact_id][0].sha256}"'
    assert sent.headers["cache-control"] == "no-store"
    assert sent.headers["referrer-policy"] == "no-referrer"
    missing = await http.get("/api/v1/artifacts/none/download", params={"redirect": "true"})
    assert missing.status_code == 404
    known = {"If-None-Match": sent.headers["etag"]}
    assert (await http.get(path, params={"redirect": "true"}, headers=known)).status_code == 304
    beyond = {"Range": "bytes=4096-"}
    assert (await http.get(path, params={"redirect": "true"}, headers=beyond)).status_code == 416


@pytest.mark.parametrize(
    ("method", "params"),
    [("GET", {}), ("GET", {"redirect": "true", "disposition": "inline"}), ("HEAD", {"redirect": "true"})],
)
async def test_all_others_are_answered_here(http, artifact_id, store, method, params):
    store.download_url = URL
    answer = await http.request(method, f"/api/v1/artifacts/{artifact_id}/download", params=params)
    assert (answer.status_code, answer.content) == (200, CONTENT if method == "GET" else b"")


async def test_without_a_url_the_bytes_come_from_here(http, artifact_id):
    answer = await http.get(f"/api/v1/artifacts/{artifact_id}/download", params={"redirect": "true"})
    assert (answer.status_code, answer.content) == (200, CONTENT)


@pytest.mark.parametrize(
    ("kind", "content", "media_type"),
    [
        (artifact_service_pb2.ARTIFACT_KIND_SVG, b"<svg/>", "image/svg+xml"),
        (artifact_service_pb2.ARTIFACT_KIND_REVIEW, b"<!doctype html>", "text/html"),
    ],
)
async def test_a_document_opened_by_itself_can_do_nothing(http, store, kind, content, media_type):
    artifact_id = store.add_artifact("j1", kind, content, media_type)
    answer = await http.get(f"/api/v1/artifacts/{artifact_id}/download", params={"disposition": "inline"})
    assert answer.headers["content-disposition"].startswith("inline")
    assert "sandbox" in answer.headers["content-security-policy"]


async def test_description_and_lineage(http, artifact_id):
    assert (await http.get(f"/api/v1/artifacts/{artifact_id}")).json()["filename"] == "Étude.mid"
    lineage = (await http.get(f"/api/v1/artifacts/{artifact_id}/lineage")).json()
    assert lineage["edges"][0]["derived_artifact_id"] == artifact_id
    for path in ("", "/download", "/lineage"):
        answer = await http.get(f"/api/v1/artifacts/none{path}")
        assert (answer.status_code, answer.json()["error"]["reason"]) == (404, "ARTIFACT_NOT_FOUND")


def test_a_range_of_an_empty_file_does_not_exist():
    with pytest.raises(EtudeError):
        parse_range("bytes=0-", 0)
    assert parse_range("bytes=0-0", 1) == ByteRange(0, 0, 1)


def test_any_entity_tag_matches_a_star():
    assert matches("*", '"a"')
    assert not matches("", '"a"')


def test_names_cannot_break_out_of_their_header():
    header = content_disposition("attachment", 'a"; filename="b\r\nX: y.mid')
    assert "\r" not in header
    assert header.count('"') == 2
