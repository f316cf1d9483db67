"""The tables of the orchestrator.

Every row belongs to a tenant, except `models`: a model is a fact about the installation, the same for all tenants; and
`login_attempts`, which are counted before it is known whose they are. Of a secret only what verifies it is kept: an
Argon2id hash of a password, the SHA-256 of what is random anyway.
Small protobuf messages (options, progress, summary) are kept in protobuf's JSON mapping, so that an operator can read
and query them.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeDecorator

from orchestrator.states import ACTIVE, state_name


class UtcDateTime(TypeDecorator[datetime]):
    """A moment. Aware datetimes go in and come out in UTC, also on SQLite, which has no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The value as the database keeps it."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored; give it a time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The value with its time zone."""
        return None if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# Names for all constraints: migrations must be able to speak of them on both databases.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_Id = String(64)

tenants = Table(
    "tenants",
    metadata,
    Column("tenant_id", _Id, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("create_time", UtcDateTime, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("tenant_id", _Id, ForeignKey("tenants.tenant_id"), primary_key=True),
    Column("user_id", _Id, primary_key=True),
    Column("email", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("create_time", UtcDateTime, nullable=False),
)

user_preferences = Table(
    "user_preferences",
    metadata,
    Column("tenant_id", _Id, primary_key=True),
    Column("user_id", _Id, primary_key=True),
    Column("preferences", JSON, nullable=False),  # etude.identity.v1.UserPreferences
    Column("update_time", UtcDateTime, nullable=False),
    ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.user_id"], ondelete="CASCADE"),
)

_OF_USER = ("users.tenant_id", "users.user_id")

passwords = Table(
    "passwords",
    metadata,
    Column("tenant_id", _Id, primary_key=True),
    Column("user_id", _Id, primary_key=True),
    Column("email_key", String(320), nullable=False, unique=True),  # the e-mail address in the form it is compared in
    Column("password_hash", Text, nullable=False),
    Column("update_time", UtcDateTime, nullable=False),
    ForeignKeyConstraint(["tenant_id", "user_id"], _OF_USER, ondelete="CASCADE"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("tenant_id", _Id, nullable=False),
    Column("session_id", _Id, primary_key=True),
    Column("user_id", _Id, nullable=False),
    Column("create_time", UtcDateTime, nullable=False),
    Column("expire_time", UtcDateTime, nullable=False),
    Column("revoke_time", UtcDateTime),  # its access tokens are good for nothing from then on
    ForeignKeyConstraint(["tenant_id", "user_id"], _OF_USER, ondelete="CASCADE"),
    Index(None, "tenant_id", "user_id"),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("tenant_id", _Id, nullable=False),
    Column("digest", String(64), primary_key=True),
    Column("session_id", _Id, ForeignKey("sessions.session_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("create_time", UtcDateTime, nullable=False),
    Column("use_time", UtcDateTime),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("tenant_id", _Id, nullable=False),
    Column("api_key_id", _Id, primary_key=True),
    Column("user_id", _Id, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("create_time", UtcDateTime, nullable=False),
    Column("expire_time", UtcDateTime),
    ForeignKeyConstraint(["tenant_id", "user_id"], _OF_USER, ondelete="CASCADE"),
    Index(None, "tenant_id", "user_id", "create_time", "api_key_id"),
)

invitations = Table(
    "invitations",
    metadata,
    Column("tenant_id", _Id, nullable=False),
    Column("digest", String(64), primary_key=True),
    Column("user_id", _Id, nullable=False),  # who invited
    Column("create_time", UtcDateTime, nullable=False),
    Column("expire_time", UtcDateTime, nullable=False),
    ForeignKeyConstraint(["tenant_id", "user_id"], _OF_USER, ondelete="CASCADE"),
)

login_attempts = Table(
    "login_attempts",
    metadata,
    Column("email_digest", String(64), primary_key=True),  # SHA-256: of addresses without a user nothing is kept
    Column("attempts", Integer, nullable=False),  # in a row without success
    Column("last_time", UtcDateTime, nullable=False),
)

#: Holds of the jobs under way: few are, many have been. They have an index, for whoever asks in just these words.
IS_ACTIVE = "state IN ({})".format(", ".join(f"'{name}'" for name in sorted(map(state_name, ACTIVE))))

jobs = Table(
    "jobs",
    metadata,
    Column("tenant_id", _Id, nullable=False),
    Column("job_id", _Id, primary_key=True),
    Column("user_id", _Id, nullable=False),
    Column("state", String(32), nullable=False),
    Column("options", JSON, nullable=False),  # etude.job.v1.JobOptions
    Column("source", JSON, nullable=False),  # etude.job.v1.JobSource
    Column("progress", JSON),  # etude.stage.v1.Progress
    Column("summary", JSON, nullable=False),  # etude.job.v1.JobSummary
    Column("error", LargeBinary),  # google.rpc.Status, in binary form: its details may be of any type
    Column("error_reason", String(64)),
    Column("trace_context", JSON, nullable=False),  # W3C headers of the request that created or retried it
    Column("epoch", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("last_sequence", BigInteger, nullable=False),
    Column("create_time", UtcDateTime, nullable=False),
    Column("update_time", UtcDateTime, nullable=False),
    Column("complete_time", UtcDateTime),
    ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.user_id"]),
    # Neither the tenant nor the job in it: PostgreSQL makes the plans it keeps while it knows of no rows yet, and would
    # take it for a way to one job, though it leads through all of the tenant's.
    Index(None, "user_id", "create_time"),
    Index("ix_jobs_active", "tenant_id", postgresql_where=text(IS_ACTIVE), sqlite_where=text(IS_ACTIVE)),
)

job_steps = Table(
    "job_steps",
    metadata,
    Column("tenant_id", _Id, nullable=False),
    Column("job_id", _Id, ForeignKey("jobs.job_id", ondelete="CASCADE"), primary_key=True),
    Column("step", String(32), primary_key=True),  # "omr", "fingering", "rendering"
    Column("attempt", Integer, primary_key=True),
    Column("runs", Integer, nullable=False),  # more than one when a process died over it
    Column("outcome", String(32)),  # "FINISHED", "FAILED", "CANCELLED"; null while it runs
    Column("error_reason", String(64)),
    Column("start_time", UtcDateTime, nullable=False),
    Column("end_time", UtcDateTime),
)

job_events = Table(
    "job_events",
    metadata,
    Column("tenant_id", _Id, nullable=False),
    Column("job_id", _Id, ForeignKey("jobs.job_id", ondelete="CASCADE"), primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("time", UtcDateTime, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("from_state", String(32)),
    Column("state", String(32), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("reason", Text, nullable=False),
    Column("progress", JSON),
    Column("artifact_id", _Id),
    Column("epoch", BigInteger, nullable=False),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("tenant_id", _Id, nullable=False),
    Column("artifact_id", _Id, primary_key=True),
    Column("job_id", _Id, ForeignKey("jobs.job_id", ondelete="CASCADE"), nullable=False),
    Column("position", BigInteger, nullable=False),  # within the job, from 1, in the order they were stored
    Column("kind", String(32), nullable=False),
    Column("score_index", Integer, nullable=False),
    Column("page_number", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("filename", Text, nullable=False),
    Column("media_type", String(255), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("blob_key", Text, nullable=False),
    Column("schema_version", String(32), nullable=False),
    Column("producer_version", String(64), nullable=False),
    Column("models", JSON, nullable=False),  # list of etude.score.v1.ModelRef
    Column("parameters", JSON, nullable=False),
    Column("uncertainty_policy", String(64), nullable=False),
    Column("create_time", UtcDateTime, nullable=False),
    UniqueConstraint("job_id", "kind", "score_index", "page_number", "revision"),
    UniqueConstraint("job_id", "position"),
    UniqueConstraint("blob_key"),
)

artifact_contents = Table(
    "artifact_contents",
    metadata,
    Column("tenant_id", _Id, nullable=False),
    Column("artifact_id", _Id, ForeignKey("artifacts.artifact_id", ondelete="CASCADE"), primary_key=True),
    Column("content", LargeBinary, nullable=False),  # the bytes of a small artifact; there is no blob of it then
)

artifact_lineage = Table(
    "artifact_lineage",
    metadata,
    Column("tenant_id", _Id, nullable=False),
    Column("source_artifact_id", _Id, ForeignKey("artifacts.artifact_id", ondelete="CASCADE"), primary_key=True),
    Column(
        "derived_artifact_id",
        _Id,
        ForeignKey("artifacts.artifact_id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
    Column("transformation", String(32), nullable=False),
    Column("transformation_version", String(64), nullable=False),
    Column("create_time", UtcDateTime, nullable=False),
)

requests = Table(
    "requests",
    metadata,
    Column("tenant_id", _Id, primary_key=True),
    Column("user_id", _Id, primary_key=True),
    Column("method", String(64), primary_key=True),
    Column("request_id", _Id, primary_key=True),
    Column("job_id", _Id, ForeignKey("jobs.job_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("digest", String(64), nullable=False),  # SHA-256 over what was asked
    Column("response", LargeBinary, nullable=False),  # what was answered beside the job; empty for the job alone
    Column("create_time", UtcDateTime, nullable=False),
)

models = Table(
    "models",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("version", String(64), primary_key=True),
    Column("stage", String(32), nullable=False),
    Column("service", String(64), nullable=False),
    Column("digest", String(128), nullable=False),
    Column("description", Text, nullable=False),
    Column("licence", String(64), nullable=False),
    Column("is_default", Boolean, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("create_time", UtcDateTime, nullable=False),
    Column("seen_time", UtcDateTime, nullable=False),
)

executors = Table(
    "executors",
    metadata,
    Column("executor_id", _Id, primary_key=True),  # name of an orchestrator, the same over restarts
    Column("instance", _Id, nullable=False),  # the process that answers for its jobs: its own, or one that took over
    Column("heartbeat_time", UtcDateTime, nullable=False),  # by the database's clock
)
