"""Removes blobs that no artifact speaks of: what a process that died left between storing bytes and writing the row."""

from __future__ import annotations

from etude.mesh.logging import get_logger
from orchestrator.blobs.port import BlobStore
from orchestrator.database import Database
from orchestrator.repositories.artifacts import all_blob_keys

_log = get_logger(__name__)


async def sweep(database: Database, blobs: BlobStore) -> int:
    """Remove unfinished uploads and orphaned blobs; how many blobs.

    Call it while nothing else stores blobs: before the engine and the server start.
    """
    uploads = await blobs.clear_uploads()
    async with database.read() as connection:
        known = await all_blob_keys(connection)
    orphans = [info.key async for info in blobs.scan() if info.key not in known]
    for key in orphans:
        await blobs.delete(key)
    if uploads or orphans:
        _log.info("removed what a dead process left", uploads=uploads, blobs=len(orphans))
    return len(orphans)
