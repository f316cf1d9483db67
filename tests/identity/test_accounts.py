"""Registering, logging in, staying logged in, logging out, on both databases and with the clock in hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from etude.identity.v1 import auth_service_pb2
from etude.mesh.errors import EtudeError
from orchestrator import tables
from orchestrator.caller import LOCAL
from orchestrator.database import Database
from orchestrator.identity import accounts as accounts_module
from orchestrator.identity import authenticator as authenticator_module
from orchestrator.identity.accounts import AccountPolicy, Accounts
from orchestrator.identity.authenticator import TRUST_S, Authenticator
from orchestrator.identity.passwords import Passwords
from orchestrator.identity.principal import Principal
from orchestrator.identity.throttling import FREE_ATTEMPTS, LONGEST_WAIT
from orchestrator.identity.tokens import AccessTokens
from orchestrator.repositories.wire import timestamp
from tests.orchestrator.conftest import refused

PASSWORD = "correct horse battery staple"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass
class Clock:
    """The time of day and the monotonic time; both go on only when a test says so."""

    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: float = 0.0

    def advance(self, delta: timedelta) -> None:
        self.time += delta
        self.seconds += delta.total_seconds()


@dataclass
class Desk:
    database: Database
    authenticator: Authenticator
    accounts: Accounts
    clock: Clock
    hashing: Passwords

    async def register(self, email: str = "ada@example.org", **fields: str) -> auth_service_pb2.RegisterResponse:
        request = {"email": email, "password": PASSWORD, **fields}
        return await self.accounts.register(auth_service_pb2.RegisterRequest(**request))

    async def login(self, email: str = "ada@example.org", password: str = PASSWORD) -> auth_service_pb2.Tokens:
        return (await self.accounts.login(auth_service_pb2.LoginRequest(email=email, password=password))).tokens

    async def who(self, token: str) -> Principal:
        return await self.authenticator.authenticate(f"Bearer {token}")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (accounts_module, authenticator_module):
        monkeypatch.setattr(module, "now", lambda: clock.time)
    return clock


@pytest.fixture
def hashing() -> Iterator[Passwords]:
    hashing = Passwords(CHEAP)
    yield hashing
    hashing.close()


@pytest.fixture(params=["sqlite", "postgresql"])
async def desk(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock, hashing: Passwords) -> AsyncIterator[Desk]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'test.sqlite'}"
    else:
        url = request.getfixturevalue("postgres_database").url
    database = Database(url)
    await database.upgrade()
    yield make_desk(database, clock, hashing)
    await database.close()


def make_desk(database: Database, clock: Clock, hashing: Passwords, *, invited_only: bool = False) -> Desk:
    tokens = AccessTokens(b"a secret of the tests, of enough bytes")
    authenticator = Authenticator(database, tokens, local_user=False, monotonic=lambda: clock.seconds)
    policy = AccountPolicy(timedelta(minutes=15), timedelta(days=30), invited_only)
    return Desk(database, authenticator, Accounts(database, tokens, authenticator, hashing, policy), clock, hashing)


async def test_a_registered_user_is_known_by_their_token(desk: Desk) -> None:
    made = await desk.register(display_name=" Ada ")
    principal = await desk.who(made.tokens.access_token)
    assert (principal.caller.user_id, principal.caller.tenant_id) == (made.user.user_id, made.tenant.tenant_id)
    assert (made.user.display_name, made.user.email) == ("Ada", "ada@example.org")
    again = await desk.who((await desk.login(" ADA@Example.org")).access_token)
    assert again.caller == principal.caller
    assert again.session_id != principal.session_id


async def test_an_address_is_registered_once_in_whatever_case(desk: Desk) -> None:
    await desk.register()
    with refused("USER_EXISTS"):
        await desk.register("Ada@EXAMPLE.org")
    two = await asyncio.gather(*(desk.register("twin@example.org") for _ in range(2)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in two) == ["EtudeError", "RegisterResponse"]


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [
        ({"email": "ada"}, "email"),
        ({"email": "ada@ex ample.org"}, "email"),
        ({"email": "ada@example.org\r\nBcc: x@example.org"}, "email"),
        ({"email": "a" * 65 + "@example.org"}, "email"),
        ({"email": "ada@" + "ﷺ" * 60}, "email"),  # one character that NFKC makes eighteen
        ({"password": "short"}, "password"),
        ({"password": "x" * 257}, "password"),
        ({"display_name": "x" * 201}, "display_name"),
        ({"display_name": "a\x00b"}, "display_name"),
    ],
)
async def test_wrong_fields_are_named_and_passwords_not_repeated(desk: Desk, fields: Any, at_fault: str) -> None:
    with refused("INVALID_REQUEST") as caught:
        await desk.register(**fields)
    assert [name for name, _ in caught.value.violations] == [at_fault]
    assert "short" not in str(caught.value)


async def test_a_wrong_password_and_an_unknown_address_are_refused_alike(desk: Desk) -> None:
    await desk.register()
    said = []
    for email, password in [("ada@example.org", "wrong horse battery"), ("eve@example.org", PASSWORD)]:
        with refused("UNAUTHENTICATED") as caught:
            await desk.login(email, password)
        said.append(str(caught.value))
    assert said[0] == said[1]


async def test_a_password_is_the_same_from_every_keyboard(desk: Desk) -> None:
    await desk.register(password="Käse und Brot für alle")
    await desk.login(password="Ka\u0308se und Brot fu\u0308r alle")


async def test_guessing_is_slowed_down_also_when_all_guesses_come_at_once(desk: Desk) -> None:
    await desk.register()
    guesses = [desk.login(password=f"wrong guess number {number}") for number in range(4 * FREE_ATTEMPTS)]
    outcomes = await asyncio.gather(*guesses, return_exceptions=True)
    reasons = [error.reason for error in outcomes if isinstance(error, EtudeError)]
    assert reasons.count("UNAUTHENTICATED") == FREE_ATTEMPTS
    assert reasons.count("RATE_LIMITED") == 3 * FREE_ATTEMPTS
    with refused("RATE_LIMITED") as caught:
        await desk.login()  # the right one, too: else the answer would tell
    assert caught.value.retry_after_s == pytest.approx(1)
    desk.clock.advance(timedelta(seconds=1.1))
    await desk.login()
    with refused("UNAUTHENTICATED"):
        await desk.login(password="wrong again, from the start")


async def test_nobody_is_kept_out_for_longer_than_the_longest_wait(desk: Desk) -> None:
    await desk.register()
    for _ in range(4 * FREE_ATTEMPTS):
        desk.clock.advance(LONGEST_WAIT)
        with refused("UNAUTHENTICATED"):
            await desk.login(password="wrong, and patient")
    with refused("RATE_LIMITED") as caught:
        await desk.login()
    assert caught.value.retry_after_s == pytest.approx(LONGEST_WAIT.total_seconds())
    desk.clock.advance(LONGEST_WAIT)
    await desk.login()


async def test_an_access_token_ends(desk: Desk) -> None:
    token = (await desk.register()).tokens.access_token
    desk.clock.advance(timedelta(minutes=16))
    # The signature's own clock is the real one; the cache and the database go by the test's.
    assert await desk.who(token)
    desk.clock.advance(timedelta(days=31))
    with refused("UNAUTHENTICATED"):
        await desk.who(token)


async def test_refreshing_goes_on_and_a_second_use_ends_the_session(desk: Desk) -> None:
    first = (await desk.register()).tokens
    second = await desk.accounts.refresh(first.refresh_token)
    third = await desk.accounts.refresh(second.refresh_token)
    assert (await desk.who(third.access_token)).session_id == (await desk.who(first.access_token)).session_id
    with refused("UNAUTHENTICATED"):
        await desk.accounts.refresh(first.refresh_token)
    for token in (first, second, third):
        with refused("UNAUTHENTICATED"):
            await desk.who(token.access_token)
        with refused("UNAUTHENTICATED"):
            await desk.accounts.refresh(token.refresh_token)


async def test_of_two_refreshes_at_once_one_succeeds(desk: Desk) -> None:
    token = (await desk.register()).tokens.refresh_token
    outcomes = await asyncio.gather(*(desk.accounts.refresh(token) for _ in range(2)), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["EtudeError", "Tokens"]


async def test_a_session_that_is_not_refreshed_ends(desk: Desk) -> None:
    tokens = (await desk.register()).tokens
    desk.clock.advance(timedelta(days=29))
    tokens = await desk.accounts.refresh(tokens.refresh_token)
    desk.clock.advance(timedelta(days=31))
    with refused("UNAUTHENTICATED"):
        await desk.accounts.refresh(tokens.refresh_token)


async def test_logging_out_ends_one_session_here_at_once_and_elsewhere_soon(desk: Desk) -> None:
    kept = (await desk.register()).tokens
    ended = await desk.login()
    elsewhere = make_desk(desk.database, desk.clock, desk.hashing)
    await elsewhere.who(ended.access_token)
    await desk.accounts.logout(await desk.who(ended.access_token))
    with refused("UNAUTHENTICATED"):
        await desk.who(ended.access_token)
    desk.clock.advance(timedelta(seconds=TRUST_S + 0.1))
    with refused("UNAUTHENTICATED"):
        await elsewhere.who(ended.access_token)
    with refused("UNAUTHENTICATED"):
        await desk.accounts.refresh(ended.refresh_token)
    await desk.who(kept.access_token)


async def test_a_new_password_ends_the_other_sessions(desk: Desk) -> None:
    here, there = (await desk.register()).tokens, await desk.login()
    principal = await desk.who(here.access_token)
    with refused("PERMISSION_DENIED"):
        await desk.accounts.change_password(principal, "not the password", "a new one, quite long")
    await desk.accounts.change_password(principal, PASSWORD, "a new one, quite long")
    await desk.who(here.access_token)
    with refused("UNAUTHENTICATED"):
        await desk.who(there.access_token)
    with refused("UNAUTHENTICATED"):
        await desk.login()
    await desk.login(password="a new one, quite long")


async def test_an_api_key_acts_for_its_user_until_it_is_taken_back(desk: Desk) -> None:
    made = await desk.register()
    owner = await desk.who(made.tokens.access_token)
    expires = timestamp(desk.clock.time + timedelta(days=1))
    key = await desk.accounts.create_api_key(
        owner, auth_service_pb2.CreateApiKeyRequest(display_name="ci", expire_time=expires)
    )
    lasting = await desk.accounts.create_api_key(owner, auth_service_pb2.CreateApiKeyRequest())
    machine = await desk.who(key.secret)
    assert (machine.caller, machine.api_key_id) == (owner.caller, key.api_key.api_key_id)
    for forbidden in (
        desk.accounts.create_api_key(machine, auth_service_pb2.CreateApiKeyRequest()),
        desk.accounts.invite(machine),
        desk.accounts.change_password(machine, PASSWORD, "a new one, quite long"),
    ):
        with refused("PERMISSION_DENIED"):
            await forbidden
    desk.clock.advance(timedelta(days=1, seconds=1))
    with refused("UNAUTHENTICATED"):
        await desk.who(key.secret)
    await desk.who(lasting.secret)
    await desk.accounts.delete_api_key(owner, lasting.api_key.api_key_id)
    with refused("UNAUTHENTICATED"):
        await desk.who(lasting.secret)
    with refused("API_KEY_NOT_FOUND"):
        await desk.accounts.delete_api_key(owner, lasting.api_key.api_key_id)


@pytest.mark.parametrize("seconds", [1, 10**18, -(10**18)])
async def test_a_key_cannot_end_in_the_past_or_beyond_time(desk: Desk, seconds: int) -> None:
    owner = await desk.who((await desk.register()).tokens.access_token)
    request = auth_service_pb2.CreateApiKeyRequest()
    request.expire_time.seconds = seconds
    with refused("INVALID_REQUEST"):
        await desk.accounts.create_api_key(owner, request)


async def test_an_invitation_leads_one_person_into_the_tenant(desk: Desk) -> None:
    made = await desk.register()
    owner = await desk.who(made.tokens.access_token)
    closed = make_desk(desk.database, desk.clock, desk.hashing, invited_only=True)
    with refused("PERMISSION_DENIED"):
        await closed.register("eve@example.org")
    token = (await desk.accounts.invite(owner)).invitation_token
    invited = await closed.register("bob@example.org", invitation_token=token)
    assert invited.tenant.tenant_id == made.tenant.tenant_id
    assert made.user.email not in str(invited)
    for stale in (token, "etude_invitation_nonsense"):
        with refused("PERMISSION_DENIED"):
            await closed.register("eve@example.org", invitation_token=stale)
    late = (await desk.accounts.invite(owner)).invitation_token
    desk.clock.advance(timedelta(days=8))
    with refused("PERMISSION_DENIED"):
        await closed.register("eve@example.org", invitation_token=late)


async def test_nothing_secret_is_kept(desk: Desk) -> None:
    made = await desk.register()
    owner = await desk.who(made.tokens.access_token)
    key = await desk.accounts.create_api_key(owner, auth_service_pb2.CreateApiKeyRequest())
    invitation = await desk.accounts.invite(owner)
    kept = []
    async with desk.database.read() as connection:
        for table in tables.metadata.sorted_tables:
            kept += [str(row) for row in await connection.execute(select(table))]
    whole = "\n".join(kept)
    assert "$argon2id$" in whole
    for secret in (
        PASSWORD,
        made.tokens.refresh_token,
        made.tokens.access_token,
        key.secret,
        invitation.invitation_token,
    ):
        assert secret not in whole


async def test_a_hash_of_old_parameters_is_made_anew_at_login(desk: Desk) -> None:
    await desk.register()
    dearer = Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    await make_desk(desk.database, desk.clock, dearer).login()
    dearer.close()
    async with desk.database.read() as connection:
        kept = (await connection.execute(select(tables.passwords.c.password_hash))).scalar_one()
    assert "m=16,t=2" in kept
    await desk.login()


async def test_what_has_expired_is_removed(desk: Desk) -> None:
    made = await desk.register()
    await desk.accounts.invite(await desk.who(made.tokens.access_token))
    with refused("UNAUTHENTICATED"):
        await desk.login(password="wrong horse battery")
    desk.clock.advance(timedelta(days=32))
    await desk.accounts.purge()
    async with desk.database.read() as connection:
        for table in (tables.sessions, tables.refresh_tokens, tables.invitations, tables.login_attempts):
            assert (await connection.execute(select(table))).all() == []
    await desk.login()


async def test_the_local_user_needs_nothing_where_there_is_one(desk: Desk) -> None:
    local = Authenticator(desk.database, AccessTokens(b"x" * 32), local_user=True)
    assert (await local.authenticate("")).caller == LOCAL
    with refused("UNAUTHENTICATED"):
        await local.authenticate("Bearer nonsense")
    with refused("UNAUTHENTICATED"):
        await desk.authenticator.authenticate("")


async def test_few_hash_at_once_and_few_wait() -> None:
    hashing = Passwords(CHEAP, at_once=1, waiting_limit=2)
    outcomes = await asyncio.gather(*(hashing.hash("x") for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(outcome, str) for outcome in outcomes) == 3
    assert {error.reason for error in outcomes if isinstance(error, EtudeError)} == {"RATE_LIMITED"}
    hashing.close()
