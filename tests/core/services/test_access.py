"""Authentication, permission, keys and people, always with two organizations."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest

from tests.clock import HandClock
from tests.stores import sqlite_store
from trivium.adapters.secrets import Argon2Passwords, JwtTokens, open_keyring
from trivium.adapters.sql.store import SqliteStore
from trivium.core.errors import (
    Conflict,
    CoreError,
    InvalidRequest,
    LimitExceeded,
    NotAuthenticated,
    NotFound,
    NotPermitted,
)
from trivium.core.model.access import SCOPES
from trivium.core.model.agents import Agent
from trivium.core.services.access import CACHE_S, Access

pytestmark = pytest.mark.anyio
PASSWORD = "correct horse battery"


@dataclass
class World:
    """Two organizations, `mine` with an agent and a person, `theirs` with an agent; `other` is a second process."""

    access: Access
    other: Access
    clock: HandClock
    store: SqliteStore
    mine: str
    theirs: str
    agent: str
    their_agent: str


@pytest.fixture
async def world(tmp_path: Path) -> AsyncGenerator[World, None]:
    clock = HandClock()
    keyring = open_keyring(tmp_path / "secret.keys")
    # Two stores over one file, as two processes have them.
    async with sqlite_store(tmp_path) as store, sqlite_store(tmp_path) as second:
        access, other = (
            Access(store=one, clock=clock, tokens=JwtTokens(keyring, clock), passwords=Argon2Passwords())
            for one in (store, second)
        )
        organizations = [(await access.create_organization(name)).id for name in ("Mine", "Theirs")]
        agents = [
            Agent(id=f"agt_{name}", organization_id=name, name="A", created_at=clock.at, updated_at=clock.at)
            for name in organizations
        ]
        await store.write(lambda tx: tx.agents.add(*agents))
        await access.create_user("ann@example.com", organization_id=organizations[0], role="owner", password=PASSWORD)
        yield World(access, other, clock, store, *organizations, *(agent.id for agent in agents))


async def test_a_key_is_its_organizations_and_kinds(world: World) -> None:
    key, secret = await world.access.create_key(world.mine, kind="wizchat")
    theirs, their_secret = await world.access.create_key(world.theirs, kind="wabee")
    principal = await world.access.authenticate(secret)
    assert (principal.organization_id, principal.id, principal.key_kind) == (world.mine, key.id, "wizchat")
    assert principal.scopes == SCOPES
    assert (await world.access.authenticate(their_secret)).organization_id == world.theirs
    assert [one.id for one in await world.access.list_keys(world.mine)] == [key.id]
    assert [one.id for one in await world.access.list_keys(None)] == [key.id, theirs.id]


async def test_the_secret_is_kept_nowhere(world: World) -> None:
    key, secret = await world.access.create_key(world.mine, kind="wisebot")
    assert secret.startswith("wb_live_")
    assert len(secret.removeprefix("wb_live_")) >= 32
    assert key.prefix == secret[:12]
    assert key.last_four == secret[-4:]
    assert secret not in repr(await world.access.list_keys(world.mine))


async def test_a_key_revoked_elsewhere_stops_within_a_second(world: World) -> None:
    key, secret = await world.access.create_key(world.mine, kind="wabee")
    await world.access.authenticate(secret)
    await world.other.revoke_key(None, key.id)
    world.clock.advance(seconds=CACHE_S)
    with pytest.raises(NotAuthenticated) as caught:
        await world.access.authenticate(secret)
    assert caught.value.code == "revoked_key"
    assert CACHE_S < 1


async def test_a_revoked_key_stops_at_once_here(world: World) -> None:
    key, secret = await world.access.create_key(world.mine, kind="wabee")
    await world.access.authenticate(secret)
    first = await world.access.revoke_key(world.mine, key.id)
    with pytest.raises(NotAuthenticated):
        await world.access.authenticate(secret)
    assert await world.access.revoke_key(world.mine, key.id) == first


async def test_an_expired_key_stops_at_its_second(world: World) -> None:
    expires_at = world.clock.now() + timedelta(seconds=60)
    _, secret = await world.access.create_key(world.mine, kind="wabee", expires_at=expires_at)
    world.clock.advance(seconds=59.9)
    await world.access.authenticate(secret)
    world.clock.advance(seconds=0.1)
    with pytest.raises(NotAuthenticated) as caught:
        await world.access.authenticate(secret)
    assert caught.value.code == "expired_key"


async def test_keys_of_others_cannot_be_revoked(world: World) -> None:
    key, secret = await world.access.create_key(world.theirs, kind="wabee")
    with pytest.raises(NotFound):
        await world.access.revoke_key(world.mine, key.id)
    assert (await world.access.authenticate(secret)).id == key.id


async def test_a_key_may_not_name_agents_of_others(world: World) -> None:
    with pytest.raises(NotFound) as caught:
        await world.access.create_key(world.mine, kind="wizchat", agent_ids=[world.agent, world.their_agent])
    assert caught.value.kind == "agent"
    assert await world.access.list_keys(world.mine) == []


async def test_a_limited_key_is_held_to_scopes_and_agents(world: World) -> None:
    _, secret = await world.access.create_key(
        world.mine, kind="wizchat", scopes=["agents:read"], agent_ids=[world.agent]
    )
    principal = await world.access.authenticate(secret)
    world.access.require(principal, scope="agents:read", agent_id=world.agent)
    with pytest.raises(NotPermitted) as scope:
        world.access.require(principal, scope="agents:write", agent_id=world.agent)
    with pytest.raises(NotPermitted) as agent:
        world.access.require(principal, scope="agents:read", agent_id="agt_new")
    with pytest.raises(NotPermitted) as role:
        world.access.require(principal, role="member")
    assert [one.value.code for one in (scope, agent, role)] == ["missing_scope", "agent_not_allowed", "role_too_low"]


@pytest.mark.parametrize(
    "options",
    [
        {"scopes": ["agents:fly"]},
        {"agent_ids": []},
        {"rate_limit_per_min": 0},
        {"expires_at": datetime(2020, 1, 1, tzinfo=UTC)},
        {"expires_at": datetime(2030, 1, 1)},  # noqa: DTZ001 - that is what is refused
        {"name": "x" * 201},
    ],
)
async def test_impossible_keys_are_refused(world: World, options: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        await world.access.create_key(world.mine, kind="wizchat", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("token", ["", "x", "wb_live_nope", "a.b.c", "\udc80.\udc80.x", "wb_live_\udc80", "y" * 5000])
async def test_what_is_no_credential_is_refused(world: World, token: str) -> None:
    with pytest.raises(NotAuthenticated):
        await world.access.authenticate(token)


async def test_a_credential_of_another_kind_is_refused(world: World) -> None:
    _, secret = await world.access.create_key(world.mine, kind="wizchat", rate_limit_per_min=1)
    with pytest.raises(NotAuthenticated) as caught:
        await world.access.authenticate(secret, kinds={"wisebot", "user"})
    assert caught.value.code == "wrong_credential"
    assert (await world.access.authenticate(secret, kinds={"wizchat"})).key_kind == "wizchat"


async def test_a_rate_limit_holds_per_key(world: World) -> None:
    _, secret = await world.access.create_key(world.mine, kind="wizchat", rate_limit_per_min=3)
    _, free = await world.access.create_key(world.mine, kind="wizchat")
    principal = await world.access.authenticate(secret)
    for _ in range(2):
        await world.access.authenticate(secret)
    world.clock.advance(seconds=20)
    with pytest.raises(LimitExceeded) as caught:
        await world.access.authenticate(secret)
    assert caught.value.retry_after_s == 40
    allowance = world.access.allowance(principal)
    assert allowance is not None
    assert (allowance.limit, allowance.remaining, allowance.reset_s) == (3, 0, 40)
    assert world.access.allowance(await world.access.authenticate(free)) is None
    world.clock.advance(seconds=40)
    await world.access.authenticate(secret)


async def test_many_requests_at_once_ask_the_store_once(world: World) -> None:
    _, secret = await world.access.create_key(world.mine, kind="wabee")
    reads = 0
    read = world.store.read

    async def counted(unit: object) -> object:
        nonlocal reads
        reads += 1
        return await read(unit)  # type: ignore[arg-type]

    world.store.read = counted  # type: ignore[method-assign, assignment]
    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(world.access.authenticate, secret)
    assert reads == 1


async def test_use_is_noted_in_batches(world: World) -> None:
    key, secret = await world.access.create_key(world.mine, kind="wabee")
    await world.access.authenticate(secret)
    assert (await world.access.list_keys(world.mine))[0].last_used_at is None
    world.clock.advance(seconds=10)
    await world.access.authenticate(secret)
    assert (await world.access.list_keys(world.mine))[0].last_used_at == world.clock.now()
    assert (await world.access.list_keys(world.mine))[0].id == key.id


async def test_a_login_gives_a_token_that_works(world: World) -> None:
    issued = await world.access.login("Ann@Example.com ", PASSWORD)
    principal = await world.access.authenticate(issued.token, kinds={"user"})
    assert (principal.organization_id, principal.role, principal.name) == (world.mine, "owner", "ann@example.com")
    world.access.require(principal, role="admin", scope="security:write")
    world.clock.advance(seconds=(issued.expires_at - world.clock.now()).total_seconds())
    with pytest.raises(NotAuthenticated) as caught:
        await world.access.authenticate(issued.token)
    assert caught.value.code == "expired_token"


async def test_a_wrong_password_and_an_unknown_person_look_alike(world: World) -> None:
    with pytest.raises(NotAuthenticated) as wrong:
        await world.access.login("ann@example.com", "not her password")
    with pytest.raises(NotAuthenticated) as unknown:
        await world.access.login("bob@example.com", PASSWORD)
    assert (wrong.value.code, wrong.value.message) == (unknown.value.code, unknown.value.message)


async def test_guessing_is_slowed_down(world: World) -> None:
    for _ in range(5):
        with pytest.raises(NotAuthenticated):
            await world.access.login("ann@example.com", "guess after guess")
    with pytest.raises(LimitExceeded) as caught:
        await world.access.login("ann@example.com", PASSWORD)
    assert caught.value.retry_after_s == 1
    world.clock.advance(seconds=1)
    await world.access.login("ann@example.com", PASSWORD)


async def test_one_person_in_two_organizations(world: World) -> None:
    await world.access.create_user("ann@example.com", organization_id=world.theirs, role="member")
    first = await world.access.authenticate((await world.access.issue_token("ann@example.com")).token)
    issued = await world.access.issue_token("ann@example.com", organization_id=world.theirs)
    second = await world.access.authenticate(issued.token)
    assert (first.organization_id, first.role) == (world.mine, "owner")
    assert (second.organization_id, second.role) == (world.theirs, "member")
    world.access.require(second, scope="documents:write")
    for scope in ("agents:write", "security:read"):
        with pytest.raises(NotPermitted):
            world.access.require(second, scope=scope)


async def test_no_token_for_an_organization_of_others(world: World) -> None:
    with pytest.raises(NotFound):
        await world.access.issue_token("ann@example.com", organization_id=world.theirs)


async def test_leaving_an_organization_ends_its_tokens(world: World) -> None:
    issued = await world.access.issue_token("ann@example.com")
    await world.access.authenticate(issued.token)
    await world.store.write(lambda tx: tx.memberships.remove_where(world.mine, user_id=issued.user_id))
    world.clock.advance(seconds=CACHE_S)
    with pytest.raises(NotAuthenticated):
        await world.access.authenticate(issued.token)


async def test_a_new_password_ends_earlier_tokens(world: World) -> None:
    issued = await world.access.issue_token("ann@example.com")
    await world.access.accounts.set_password("ann@example.com", "another password")
    with pytest.raises(NotAuthenticated):
        await world.access.authenticate(issued.token)
    await world.access.login("ann@example.com", "another password")


@pytest.mark.parametrize(
    ("email", "password", "kind"),
    [
        ("ann@example.com", None, Conflict),
        ("ann@example.com", "somebody else's password", Conflict),
        ("new@example.com", None, InvalidRequest),
        ("new@example.com", "short", InvalidRequest),
        ("no address", PASSWORD, InvalidRequest),
    ],
)
async def test_impossible_users_are_refused(
    world: World, email: str, password: str | None, kind: type[CoreError]
) -> None:
    with pytest.raises(kind):
        await world.access.create_user(email, organization_id=world.mine, role="member", password=password)
