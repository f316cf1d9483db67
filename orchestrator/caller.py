"""Who calls."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.repositories.jobs import JobRef


@dataclass(frozen=True, slots=True)
class Caller:
    """A user of a tenant."""

    tenant_id: str
    user_id: str

    @property
    def actor(self) -> str:
        """The caller's name in audit trails."""
        return f"user:{self.user_id}"

    def job(self, job_id: str) -> JobRef:
        """A job of the caller's tenant."""
        return JobRef(self.tenant_id, job_id)


#: The user of an embedded mesh, which listens on loopback only.
LOCAL = Caller(tenant_id="local", user_id="local")
