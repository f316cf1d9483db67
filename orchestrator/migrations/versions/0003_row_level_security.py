"""On PostgreSQL, a transaction sees and writes the rows of the tenant it is made for.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TABLES = (
    "tenants",
    "users",
    "user_preferences",
    "passwords",
    "sessions",
    "refresh_tokens",
    "api_keys",
    "invitations",
    "jobs",
    "job_steps",
    "job_events",
    "artifacts",
    "artifact_lineage",
    "requests",
)
# Not set: null, so no row. '*': orchestrator.tenancy.ALL_TENANTS.
_MAY = "current_setting('etude.tenant_id', true) IN (tenant_id, '*')"


def upgrade() -> None:
    """Bring the schema to this revision."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in _TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        # Its owner, too: that is who the orchestrator connects as.
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} USING ({_MAY}) WITH CHECK ({_MAY})")


def downgrade() -> None:
    """Bring the schema back to the revision before."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in _TABLES:
        op.execute(f"DROP POLICY tenant ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
