"""Whose rows a transaction may see on PostgreSQL, where row-level security holds it to them.

The repositories ask for one tenant's rows anyway. This is the second lock: a query that forgets to, or is made to
forget, finds nothing of others.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

#: For what is not done for one tenant: starting, sweeping, finding out who calls. No tenant has this id.
ALL_TENANTS = "*"

_current: ContextVar[str] = ContextVar("etude_tenant", default=ALL_TENANTS)


def set_tenant(tenant_id: str) -> None:
    """Hold the transactions that the current task begins from now on to a tenant's rows."""
    _current.set(tenant_id)


@contextlib.contextmanager
def all_tenants() -> Iterator[None]:
    """Transactions begun in this block are held to no tenant: for what is about the mesh and shows nobody's rows."""
    token = _current.set(ALL_TENANTS)
    try:
        yield
    finally:
        _current.reset(token)


def current_tenant() -> str:
    """The tenant to whose rows transactions are held; `ALL_TENANTS` for no such bound."""
    return _current.get()
