"""Jobs under way have an index of their own, and no other index looks like the way to one job.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_UNDER_WAY = sa.text(
    "state IN ('FINGERING_COMPLETED', 'FINGERING_PROCESSING', 'OMR_COMPLETED', 'OMR_PROCESSING', 'PENDING', "
    "'RENDERING_PROCESSING')"
)


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.drop_index("ix_jobs_state", "jobs")
    op.drop_index("ix_jobs_tenant_id_user_id_create_time_job_id", "jobs")
    op.create_index("ix_jobs_user_id_create_time", "jobs", ["user_id", "create_time"])
    op.create_index("ix_jobs_active", "jobs", ["tenant_id"], postgresql_where=_UNDER_WAY, sqlite_where=_UNDER_WAY)


def downgrade() -> None:
    """Bring the schema back to the revision before."""
    op.drop_index("ix_jobs_active", "jobs")
    op.drop_index("ix_jobs_user_id_create_time", "jobs")
    op.create_index(
        "ix_jobs_tenant_id_user_id_create_time_job_id", "jobs", ["tenant_id", "user_id", "create_time", "job_id"]
    )
    op.create_index("ix_jobs_state", "jobs", ["state"])
