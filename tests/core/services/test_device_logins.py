"""Signing in machines by a person's approval, with two organizations and a clock moved by hand."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clock import HandClock
from tests.stores import sqlite_store
from trivium.adapters.secrets import Argon2Passwords, JwtTokens, open_keyring
from trivium.adapters.sql.store import SqliteStore
from trivium.core.errors import CoreError, Gone, LimitExceeded, NotAuthenticated, NotFound, NotPermitted
from trivium.core.model.access import ROLE_SCOPES, CredentialKind, Principal
from trivium.core.model.organizations import Role
from trivium.core.ports import Transaction
from trivium.core.services.access import Access
from trivium.core.services.device_keys import PER_PERSON_MAX, add_device, person
from trivium.core.services.device_logins import OPEN_PER_SOURCE_MAX, Asked, plain_code, shown_code

pytestmark = pytest.mark.anyio
PASSWORD = "correct horse battery"
PEOPLE: tuple[CredentialKind, ...] = ("user",)


@dataclass
class World:
    """Ann owns `mine` and is a member of `theirs`, which Bob owns."""

    access: Access
    clock: HandClock
    store: SqliteStore
    mine: str
    theirs: str

    async def person(self, email: str, organization_id: str | None = None) -> Principal:
        issued = await self.access.issue_token(email, organization_id=organization_id)
        return await self.access.authenticate(issued.token)

    async def ask(self, role: Role | None = None) -> Asked:
        return await self.access.devices.ask(program="trivium", name="ann@laptop", source="127.0.0.1", role=role)

    async def signed_in(self, role: Role | None = None) -> str:
        """Return the key of a machine that Ann has approved."""
        asked = await self.ask(role)
        await self.access.devices.decide(await self.person("ann@example.com"), asked.user_code, is_approved=True)
        return (await self.access.devices.poll(asked.device_code))[1]

    async def refusal(self, device_code: str) -> str:
        with pytest.raises(CoreError) as caught:
            await self.access.devices.poll(device_code)
        return caught.value.code


@pytest.fixture
async def world(tmp_path: Path) -> AsyncGenerator[World, None]:
    clock = HandClock()
    async with sqlite_store(tmp_path) as store:
        tokens = JwtTokens(open_keyring(tmp_path / "secret.keys"), clock)
        access = Access(store=store, clock=clock, tokens=tokens, passwords=Argon2Passwords())
        mine, theirs = [(await access.create_organization(name)).id for name in ("Mine", "Theirs")]
        for email, organization_id, role in (
            ("ann@example.com", mine, "owner"),
            ("ann@example.com", theirs, "member"),
            ("bob@example.com", theirs, "owner"),
        ):
            await access.create_user(email, organization_id=organization_id, role=role, password=PASSWORD)  # type: ignore[arg-type]
        yield World(access, clock, store, mine, theirs)


async def test_an_approved_machine_acts_for_the_person_in_their_organization(world: World) -> None:
    secret = await world.signed_in()
    principal = await world.access.authenticate(secret, kinds=PEOPLE)
    assert (principal.organization_id, principal.name, principal.role) == (world.mine, "ann@example.com", "owner")
    assert principal.scopes == ROLE_SCOPES["owner"]
    (key,) = await world.access.list_keys(world.mine)
    assert (key.name, key.kind) == ("ann@laptop", "device")
    assert await world.access.list_keys(world.theirs) == []


async def test_only_hashes_of_codes_and_keys_are_stored(world: World) -> None:
    asked = await world.ask()
    await world.access.devices.decide(await world.person("ann@example.com"), asked.user_code, is_approved=True)
    _, secret = await world.access.devices.poll(asked.device_code)
    stored = world.store.path.read_bytes() + world.store.path.with_suffix(".db-wal").read_bytes()
    assert b"ann@laptop" in stored
    for one in (asked.device_code, asked.user_code, plain_code(asked.user_code), secret):
        assert one.encode() not in stored


async def test_a_machine_waits_and_is_slowed_down(world: World) -> None:
    asked = await world.ask()
    assert await world.refusal(asked.device_code) == "authorization_pending"
    world.clock.advance(seconds=4)
    assert await world.refusal(asked.device_code) == "slow_down"
    world.clock.advance(seconds=9)
    assert await world.refusal(asked.device_code) == "slow_down"
    world.clock.advance(seconds=15)
    assert await world.refusal(asked.device_code) == "authorization_pending"


async def test_an_answer_comes_even_to_who_asks_too_early(world: World) -> None:
    asked = await world.ask()
    assert await world.refusal(asked.device_code) == "authorization_pending"
    await world.access.devices.decide(await world.person("ann@example.com"), asked.user_code, is_approved=True)
    key, _ = await world.access.devices.poll(asked.device_code)
    assert key.user_id is not None


async def test_a_request_ends_after_ten_minutes(world: World) -> None:
    asked = await world.ask()
    world.clock.advance(minutes=10)
    assert await world.refusal(asked.device_code) == "expired_token"
    with pytest.raises(NotFound):
        await world.access.devices.decide(await world.person("ann@example.com"), asked.user_code, is_approved=True)
    world.clock.advance(hours=2)
    await world.ask()
    assert await world.refusal(asked.device_code) == "invalid_grant"


async def test_an_approval_that_nobody_fetches_ends_too(world: World) -> None:
    asked = await world.ask()
    await world.access.devices.decide(await world.person("ann@example.com"), asked.user_code, is_approved=True)
    world.clock.advance(minutes=10)
    assert await world.refusal(asked.device_code) == "expired_token"
    assert await world.access.list_keys(world.mine) == []


async def test_a_denied_machine_is_told_so(world: World) -> None:
    asked = await world.ask()
    await world.access.devices.decide(await world.person("bob@example.com"), asked.user_code, is_approved=False)
    assert await world.refusal(asked.device_code) == "access_denied"
    with pytest.raises(Gone):
        await world.access.devices.decide(await world.person("ann@example.com"), asked.user_code, is_approved=True)


async def test_a_second_approval_changes_nothing(world: World) -> None:
    asked = await world.ask()
    await world.access.devices.decide(await world.person("ann@example.com"), asked.user_code, is_approved=True)
    with pytest.raises(Gone):
        await world.access.devices.decide(await world.person("bob@example.com"), asked.user_code, is_approved=True)
    key, _ = await world.access.devices.poll(asked.device_code)
    assert key.organization_id == world.mine


async def test_a_device_code_used_twice_revokes_its_key(world: World) -> None:
    asked = await world.ask()
    await world.access.devices.decide(await world.person("ann@example.com"), asked.user_code, is_approved=True)
    _, secret = await world.access.devices.poll(asked.device_code)
    assert await world.refusal(asked.device_code) == "invalid_grant"
    world.clock.advance(seconds=1)
    with pytest.raises(NotAuthenticated):
        await world.access.authenticate(secret)


async def test_programs_cannot_approve(world: World) -> None:
    asked = await world.ask()
    _, secret = await world.access.create_key(world.mine, kind="wisebot")
    with pytest.raises(NotPermitted):
        await world.access.devices.decide(await world.access.authenticate(secret), asked.user_code, is_approved=True)


async def test_guessing_codes_is_slowed_down_and_own_codes_do_not_help(world: World) -> None:
    ann, own = await world.person("ann@example.com"), await world.ask()
    for _ in range(4):
        with pytest.raises(NotFound):
            await world.access.devices.show(ann, "BBBB-BBBB")
        await world.access.devices.show(ann, own.user_code)
    with pytest.raises(NotFound):
        await world.access.devices.show(ann, "BBBB-BBBB")
    with pytest.raises(LimitExceeded):
        await world.access.devices.show(ann, own.user_code)


async def test_one_source_cannot_open_too_many_requests(world: World) -> None:
    for _ in range(OPEN_PER_SOURCE_MAX):
        await world.ask()
    with pytest.raises(LimitExceeded):
        await world.ask()
    await world.access.devices.ask(program="trivium", source="127.0.0.2")
    world.clock.advance(minutes=10)
    await world.ask()


@pytest.mark.parametrize(("wanted", "role"), [(None, "owner"), ("admin", "admin"), ("member", "member")])
async def test_a_machine_gets_no_more_than_it_asked_for(world: World, wanted: Role | None, role: Role) -> None:
    principal = await world.access.authenticate(await world.signed_in(wanted))
    assert (principal.role, principal.scopes) == (role, ROLE_SCOPES[role])


async def test_a_machine_gets_no_more_than_the_person_has(world: World) -> None:
    asked = await world.ask("owner")
    ann = await world.person("ann@example.com", world.theirs)
    await world.access.devices.decide(ann, asked.user_code, is_approved=True)
    _, secret = await world.access.devices.poll(asked.device_code)
    principal = await world.access.authenticate(secret)
    assert (principal.organization_id, principal.role) == (world.theirs, "member")


async def test_a_machine_that_is_not_used_has_to_sign_in_again(world: World) -> None:
    secret = await world.signed_in()
    for _ in range(3):
        world.clock.advance(days=89)
        await world.access.authenticate(secret)
        await world.access.flush_usage()
    world.clock.advance(days=91)
    with pytest.raises(NotAuthenticated) as caught:
        await world.access.authenticate(secret)
    assert caught.value.code == "expired_token"


async def test_a_new_password_signs_every_machine_out(world: World) -> None:
    secret = await world.signed_in()
    await world.access.accounts.set_password("ann@example.com", "another horse battery")
    world.clock.advance(seconds=1)
    with pytest.raises(NotAuthenticated):
        await world.access.authenticate(secret)


async def test_logging_out_ends_the_machines_own_key_only(world: World) -> None:
    one, other = await world.signed_in(), await world.signed_in()
    assert await world.access.log_out(one)
    with pytest.raises(NotAuthenticated):
        await world.access.authenticate(one)
    assert (await world.access.credential(other)).organization.name == "Mine"
    _, program = await world.access.create_key(world.mine, kind="wisebot")
    assert not await world.access.log_out(program)
    await world.access.authenticate(program)


async def test_of_too_many_machines_the_longest_unused_is_signed_out(world: World) -> None:
    ann = (await world.person("ann@example.com")).id

    def sign_in(tx: Transaction) -> str:
        who = person(tx, ann, world.mine)
        assert who is not None
        return add_device(tx, who, name="machine", role="owner", now=world.clock.at)[1]

    secrets = []
    for _ in range(PER_PERSON_MAX + 1):
        world.clock.advance(seconds=1)
        secrets.append(await world.store.write(sign_in))
    with pytest.raises(NotAuthenticated):
        await world.access.authenticate(secrets[0])
    await world.access.authenticate(secrets[1])
    await world.access.authenticate(secrets[-1])


async def test_the_ticket_of_a_page_answers_one_request_in_ones_own_organizations(world: World) -> None:
    asked = await world.ask()
    found = await world.access.devices.confirm("ann@example.com", PASSWORD, asked.user_code)
    assert [(one.organization_id, one.role) for one in found.choices] == [
        (world.mine, "owner"),
        (world.theirs, "member"),
    ]
    token = (await world.access.issue_token("ann@example.com")).token
    for ticket, organization_id in ((found.ticket, "org_other"), (token, world.mine), ("x", world.mine)):
        with pytest.raises((NotFound, NotAuthenticated)):
            await world.access.devices.settle(ticket, organization_id, is_approved=True)
    with pytest.raises(NotAuthenticated):
        await world.access.authenticate(found.ticket)
    await world.access.devices.settle(found.ticket, world.theirs, is_approved=True)
    with pytest.raises(Gone):
        await world.access.devices.settle(found.ticket, world.mine, is_approved=True)
    key, _ = await world.access.devices.poll(asked.device_code)
    assert key.organization_id == world.theirs


@given(st.text("BCDFGHJKLMNPQRSTVWXZ", min_size=8, max_size=8))
def test_a_code_is_read_however_it_is_typed(code: str) -> None:
    for typed in (code, code.lower(), shown_code(code), f" {code[:2]} {code[2:]}\t"):
        assert plain_code(typed) == code
