"""The bytes of small artifacts lie beside their rows.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# As in revision 0003.
_MAY = "current_setting('etude.tenant_id', true) IN (tenant_id, '*')"


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_table(
        "artifact_contents",
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("artifact_id", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["artifact_id"],
            ["artifacts.artifact_id"],
            name=op.f("fk_artifact_contents_artifact_id_artifacts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("artifact_id", name=op.f("pk_artifact_contents")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE artifact_contents ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE artifact_contents FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON artifact_contents USING ({_MAY}) WITH CHECK ({_MAY})")


def downgrade() -> None:
    """Bring the schema back to the revision before.

    Raises:
        RuntimeError: There are bytes that would be lost.
    """
    if op.get_bind().execute(sa.text("SELECT 1 FROM artifact_contents LIMIT 1")).first() is not None:
        raise RuntimeError(
            "small artifacts lie in the database, where earlier versions do not look for them; start the orchestrator "
            "once with ETUDE_ORCHESTRATOR_INLINE_ARTIFACT_BYTES=0, which moves them to the store of artifacts"
        )
    op.drop_table("artifact_contents")
