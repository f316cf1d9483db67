"""On PostgreSQL, a change of a job is told on the channel etude_jobs: its id, and which process made it.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(
        """
        CREATE FUNCTION etude_tell_of_job() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_notify('etude_jobs', NEW.job_id || ' ' || current_setting('application_name'));
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER tell AFTER UPDATE OF last_sequence ON jobs FOR EACH ROW EXECUTE FUNCTION etude_tell_of_job()"
    )


def downgrade() -> None:
    """Bring the schema back to the revision before."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("DROP TRIGGER tell ON jobs")
    op.execute("DROP FUNCTION etude_tell_of_job()")
