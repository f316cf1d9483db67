"""Who makes the call that is being handled."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from orchestrator.caller import LOCAL, Caller
from orchestrator.tenancy import set_tenant


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller and what they proved it with.

    Attributes:
        caller: The user.
        session_id: The session of their access token; empty for another proof.
        api_key_id: Their API key; empty for another proof.
    """

    caller: Caller
    session_id: str = ""
    api_key_id: str = ""


#: Whoever can reach an embedded mesh: it listens on loopback only.
LOCAL_PRINCIPAL = Principal(LOCAL)

_current: ContextVar[Principal] = ContextVar("etude_principal")


def set_principal(principal: Principal) -> None:
    """Say who makes the call that the current task handles, and for which tenant; the task ends with the call."""
    _current.set(principal)
    set_tenant(principal.caller.tenant_id)


def current_principal() -> Principal:
    """Who makes the call that the current task handles.

    Raises:
        LookupError: Nobody was let in: the method needs no credentials, or no guard was asked.
    """
    return _current.get()


def current_caller() -> Caller:
    """The user who makes the call that the current task handles.

    Raises:
        LookupError: As `current_principal`.
    """
    return current_principal().caller
