"""Removes blobs that no artifact speaks of: what a process that died left between storing bytes and writing the row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from etude.mesh.logging import get_logger
from orchestrator.blobs.port import BlobStore
from orchestrator.database import Database
from orchestrator.repositories.artifacts import all_blob_keys

_log = get_logger(__name__)


async def sweep(database: Database, blobs: BlobStore, *, older_than: timedelta) -> int:
    """Remove unfinished uploads and orphaned blobs of some age; how many blobs.

    Bytes come before their row: unless nothing else stores blobs (before the engine and the server of a lone
    orchestrator start), younger ones may just be waiting for it.
    """
    uploads = await blobs.clear_uploads()
    async with database.read() as connection:
        known = await all_blob_keys(connection)
    latest = datetime.now(UTC) - older_than
    orphans = [info.key async for info in blobs.scan() if info.modify_time <= latest and info.key not in known]
    for key in orphans:
        await blobs.delete(key)
    if uploads or orphans:
        _log.info("removed what a dead process left", uploads=uploads, blobs=len(orphans))
    return len(orphans)
