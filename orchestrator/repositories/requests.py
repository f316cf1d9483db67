"""Requests that were answered, by the id their caller gave them (AIP-155)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from etude.mesh.errors import EtudeError
from orchestrator.changes import Added
from orchestrator.connection import Statements
from orchestrator.repositories.wire import now
from orchestrator.statements import Prepared
from orchestrator.tables import requests

_FIND = Prepared(
    select(requests.c.job_id, requests.c.digest, requests.c.response).where(
        requests.c.tenant_id == bindparam("b_tenant_id"),
        requests.c.user_id == bindparam("b_user_id"),
        requests.c.method == bindparam("b_method"),
        requests.c.request_id == bindparam("b_request_id"),
    )
)


@dataclass(frozen=True, slots=True)
class RequestKey:
    """Names a request: who asked, by which method, under which id, and a digest of what was asked."""

    tenant_id: str
    user_id: str
    method: str
    request_id: str
    digest: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered with: its job, and what the method keeps beside it."""

    job_id: str
    response: bytes


async def find_answer(statements: Statements, key: RequestKey) -> Answer | None:
    """What the request was answered with before; None when it is new or has no id.

    Raises:
        EtudeError: REQUEST_ID_REUSED when the id was used to ask for something else.
    """
    if not key.request_id:
        return None
    names = {
        "b_tenant_id": key.tenant_id,
        "b_user_id": key.user_id,
        "b_method": key.method,
        "b_request_id": key.request_id,
    }
    found = await statements.fetch(_FIND, names)
    if not found:
        return None
    row = found[0]
    if row.digest != key.digest:
        raise EtudeError(
            "REQUEST_ID_REUSED",
            f"the request id {key.request_id} was used for a different {key.method} call; use a new one",
        )
    return Answer(row.job_id, row.response)


def kept_answer(key: RequestKey, answer: Answer) -> Sequence[Added]:
    """What remembers an answer, to be added together with what makes it true; nothing for a request without an id."""
    if not key.request_id:
        return ()
    row = {
        "tenant_id": key.tenant_id,
        "user_id": key.user_id,
        "method": key.method,
        "request_id": key.request_id,
        "job_id": answer.job_id,
        "digest": key.digest,
        "response": answer.response,
        "create_time": now(),
    }
    return (Added(requests, [row]),)
