"""The bytes of small artifacts lie beside their rows, those of larger ones in the blob store."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import func, select

from etude.job.v1 import artifact_service_pb2, job_pb2
from etude.job.v1.artifact_service_pb2 import ArtifactKind
from etude.mesh.errors import EtudeError
from orchestrator.blobs.port import BlobNotFoundError, BlobRangeError
from orchestrator.database import Database
from orchestrator.repositories.artifacts import ArtifactRepository, StoredArtifact
from orchestrator.repositories.jobs import JobRef
from orchestrator.stages import Stages
from orchestrator.steps.base import NewFile, Workshop
from orchestrator.store import MOST_INLINE_BYTES, Store
from orchestrator.tables import artifact_contents
from tests.orchestrator.conftest import Mesh, refused, running_orchestrator, settings_for
from tests.orchestrator.stage_servers import Journal, document, running_stages
from tests.orchestrator.test_artifacts import completed
from tests.orchestrator.test_database import insert_job, make_job

REF = JobRef("t1", "j1")
MIDI = ArtifactKind.ARTIFACT_KIND_MIDI


def asked(mesh: Mesh, sql: str, *values: Any) -> list[Any]:
    """Rows of a statement on the mesh's database; what it changes is kept."""
    with contextlib.closing(sqlite3.connect(mesh.data_dir / "etude.sqlite")) as connection, connection:
        return connection.execute(sql, values).fetchall()


def new_file(number: int, content: bytes) -> NewFile:
    artifact = artifact_service_pb2.Artifact(
        kind=ArtifactKind.ARTIFACT_KIND_SVG, page_number=number, revision=1, filename=f"{number}.svg"
    )
    return NewFile(artifact, content, [])


async def stored_files(store: Store, job: job_pb2.Job, contents: list[bytes]) -> list[StoredArtifact]:
    """What became of files that a stage made, as the database tells."""
    workshop = Workshop(store, cast("Stages", None))
    made = await workshop.store_files(job, [new_file(n, each) for n, each in enumerate(contents, 1)], "rendering")
    async with store.edit(REF, "x") as editor:
        for artifact in made:
            editor.add_artifact(artifact)
    async with store.database.read() as connection:
        return list(await ArtifactRepository(connection, REF.tenant_id).list(REF.job_id))


async def read(store: Store, stored: StoredArtifact, offset: int = 0, length: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in store.read(stored, offset, length)])


async def count(database: Database) -> int:
    async with database.read() as connection:
        query = select(func.count()).select_from(artifact_contents)
        return int((await connection.execute(query)).scalar_one())


async def test_what_is_small_lies_in_the_database_and_the_rest_in_the_blob_store(store: Store) -> None:
    job = make_job()
    await insert_job(store.database, job)
    contents = [b"", b"\0\xff'small", bytes(range(256)) * 128, b"x" * (MOST_INLINE_BYTES + 1)]
    found = await stored_files(store, job, contents)
    assert [await store.is_in_database(stored) for stored in found] == [True, True, True, False]
    assert [info.key async for info in store.blobs.scan()] == [found[3].blob_key]
    assert [await read(store, stored) for stored in found] == contents
    for stored, content in zip(found, contents, strict=True):
        for offset, length in ((0, 3), (1, 5), (len(content), None), (0, 0), (2, 1 << 20)):
            if offset > len(content):
                with pytest.raises(BlobRangeError):
                    await read(store, stored, offset, length)
            else:
                wanted = content[offset:] if length is None else content[offset : offset + length]
                assert await read(store, stored, offset, length) == wanted


async def test_a_transaction_does_not_become_large(store: Store) -> None:
    job = make_job()
    await insert_job(store.database, job)
    contents = [bytes([number]) * (30 << 10) for number in range(12)]
    found = await stored_files(store, job, contents)
    in_database = [await store.is_in_database(stored) for stored in found]
    assert in_database == [True] * 8 + [False] * 4
    assert [await read(store, stored) for stored in found] == contents


async def test_bytes_and_rows_appear_together_or_not_at_all(store: Store) -> None:
    job = make_job()
    await insert_job(store.database, job)
    workshop = Workshop(store, cast("Stages", None))
    (made,) = await workshop.store_files(job, [new_file(1, b"bytes")], "rendering")
    with pytest.raises(EtudeError, match="epoch"):
        async with store.edit(REF, "x") as editor:
            editor.add_artifact(made)
            await editor.save()
            editor.require_epoch(77)
    assert await count(store.database) == 0
    async with store.database.read() as connection:
        assert await ArtifactRepository(connection, "t1").list("j1") == []


async def test_moved_out_they_are_read_as_before_and_the_schema_can_go_back(store: Store) -> None:
    job = make_job()
    await insert_job(store.database, job)
    contents = [bytes([number]) * (number + 1) for number in range(150)]
    found = await stored_files(store, job, contents)
    with pytest.raises(RuntimeError, match="ETUDE_ORCHESTRATOR_INLINE_ARTIFACT_BYTES=0"):
        await store.database.downgrade("0005")
    assert await store.move_out() == 150
    assert await count(store.database) == 0
    assert [await read(store, stored) for stored in found] == contents
    await store.database.downgrade("0005")


async def test_another_tenants_are_not_found(store: Store) -> None:
    job = make_job()
    await insert_job(store.database, job)
    (stored,) = await stored_files(store, job, [b"bytes"])
    stored.artifact.tenant_id = "t2"
    with pytest.raises(BlobNotFoundError):
        await read(store, stored)


async def test_a_small_job_needs_no_file_and_a_larger_source_one(mesh: Mesh) -> None:
    job = await completed(mesh)
    artifacts = await mesh.client.list_artifacts(job.job_id)
    assert list((mesh.data_dir / "artifacts" / "blobs").rglob("*.*")) == []
    assert asked(mesh, "SELECT count(*) FROM artifact_contents") == [(len(artifacts),)]
    larger = await mesh.client.create(document() + bytes(MOST_INLINE_BYTES))
    await mesh.client.settled(larger.job_id)
    files = sorted(path.name for path in (mesh.data_dir / "artifacts" / "blobs").rglob("*.*"))
    source, *_, annotated, review = await mesh.client.list_artifacts(larger.job_id)
    # what the annotating stage of the tests makes holds the source
    assert files == sorted(
        [f"{source.artifact_id}.source", f"{annotated.artifact_id}.pdf", f"{review.artifact_id}.html"]
    )
    assert await mesh.client.download(source.artifact_id) == document() + bytes(MOST_INLINE_BYTES)


async def test_damaged_bytes_are_noticed(mesh: Mesh) -> None:
    job = await completed(mesh)
    (midi,) = await mesh.client.list_artifacts(job.job_id, kinds=[MIDI])
    data = await mesh.client.download(midi.artifact_id)
    for damaged in (bytes([data[0] ^ 1]) + data[1:], data[:-1], b""):
        asked(mesh, "UPDATE artifact_contents SET content = ? WHERE artifact_id = ?", damaged, midi.artifact_id)
        with refused("CHECKSUM_MISMATCH"):
            await mesh.client.download(midi.artifact_id)
    asked(mesh, "DELETE FROM artifact_contents WHERE artifact_id = ?", midi.artifact_id)
    with refused("CHECKSUM_MISMATCH"):
        await mesh.client.download(midi.artifact_id)


async def test_what_is_deleted_gives_its_room_back(mesh: Mesh) -> None:
    await completed(mesh)
    before = asked(mesh, "PRAGMA page_count")[0][0]
    job = await completed(mesh, padding="x" * 20_000)
    size = asked(mesh, "PRAGMA page_count")[0][0]
    assert size > before + 15
    await mesh.client.delete(job.job_id)
    assert asked(mesh, "PRAGMA page_count")[0][0] <= before + 5
    assert asked(mesh, "PRAGMA freelist_count") == [(0,)]


async def test_files_of_earlier_versions_are_read_and_a_start_moves_bytes_out(tmp_path: Path) -> None:
    async with running_stages(Journal(tmp_path / "journal")) as stages:
        contents: dict[str, bytes] = {}
        for limit in (0, MOST_INLINE_BYTES, 0):
            settings = settings_for(tmp_path / "data", stages, inline_artifact_bytes=limit)
            async with running_orchestrator(settings) as client:
                for artifact_id, content in contents.items():
                    assert await client.download(artifact_id) == content
                job = await client.create(document())
                await client.settled(job.job_id)
                for artifact in await client.list_artifacts(job.job_id):
                    contents[artifact.artifact_id] = await client.download(artifact.artifact_id)
        files = [path for path in (tmp_path / "data" / "artifacts" / "blobs").rglob("*") if path.is_file()]
        assert len(files) == len(contents)
