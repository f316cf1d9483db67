"""Runs migrations for Alembic, on the connection it is handed or (from the `alembic` command) on the configured URL."""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection

from orchestrator.database import Database
from orchestrator.tables import metadata


def run(connection: Connection) -> None:
    """Run the migrations on `connection`, within its transaction."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        # SQLite cannot alter most things in place: Alembic copies the table instead.
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def run_on_url() -> None:
    """Run the migrations on a database of our own opening."""
    url = context.config.get_main_option("sqlalchemy.url")
    if not url:
        raise RuntimeError("no database URL is configured")
    database = Database(url)
    try:
        async with database.write() as connection:
            await connection.run_sync(run)
    finally:
        await database.close()


handed_over = context.config.attributes.get("connection")
if handed_over is not None:
    run(handed_over)
else:
    asyncio.run(run_on_url())
