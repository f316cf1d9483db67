"""What is stored of artifacts under a data directory, wherever it lies."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path


def stored_names(data_dir: Path) -> list[str]:
    """Names below the directory of artifacts: of its files, and those that bytes in the database would have there."""
    root = data_dir / "artifacts"
    files = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
    database = data_dir / "etude.sqlite"
    if not database.exists():
        return files
    query = "SELECT blob_key FROM artifact_contents LEFT JOIN artifacts USING (artifact_id)"
    with contextlib.closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        return files + [f"blobs/{key}" for (key,) in connection.execute(query)]
