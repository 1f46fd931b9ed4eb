"""Devices, their requests and the sites of agents, on both engines, over two organizations."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.ports.rows import NOW
from trivium.core.errors import Conflict, NotFound
from trivium.core.model.access import ApiKey
from trivium.core.model.devices import DeviceRequest
from trivium.core.model.organizations import Membership, User
from trivium.core.model.protection import AccessList
from trivium.core.ports import Store


def request(
    name: str, *, source: str = "192.0.2.1", expires_at: datetime = NOW + timedelta(minutes=10)
) -> DeviceRequest:
    return DeviceRequest(
        id=name,
        code_hash=f"code {name}",
        user_code_hash=f"user {name}",
        program="trivium",
        name="laptop",
        source=source,
        created_at=NOW,
        expires_at=expires_at,
        interval_s=5,
    )


def key(name: str, organization_id: str, user_id: str | None = None) -> ApiKey:
    return ApiKey(
        id=name,
        organization_id=organization_id,
        kind="wisebot" if user_id is None else "device",
        name=name,
        prefix="p",
        last_four="1234",
        secret_hash=name,
        created_at=NOW,
        user_id=user_id,
        role=None if user_id is None else "owner",
    )


async def test_a_request_is_found_by_either_code_and_changed(store: Store) -> None:
    first = request("d1")
    await store.write(lambda tx: tx.device_requests.add(first))
    approved = replace(first, status="approved", organization_id="o1", user_id="u1", role="admin", polled_at=NOW)
    await store.write(lambda tx: tx.device_requests.put(approved))
    assert await store.read(lambda tx: tx.device_requests.by_code("code d1")) == approved
    assert await store.read(lambda tx: tx.device_requests.by_user_code("user d1")) == approved
    assert await store.read(lambda tx: tx.device_requests.by_id("d2")) is None
    with pytest.raises(Conflict):
        await store.write(lambda tx: tx.device_requests.add(replace(request("d2"), user_code_hash="user d1")))
    with pytest.raises(NotFound):
        await store.write(lambda tx: tx.device_requests.put(request("d3")))


async def test_open_requests_are_counted_and_old_ones_forgotten(store: Store) -> None:
    stale = request("d3", expires_at=NOW - timedelta(hours=2))
    denied = replace(request("d4"), status="denied")
    for one in (request("d1"), request("d2", source="192.0.2.2"), stale, denied):
        await store.write(lambda tx, one=one: tx.device_requests.add(one))  # type: ignore[misc]
    assert await store.read(lambda tx: tx.device_requests.open_count(NOW)) == 2
    assert await store.read(lambda tx: tx.device_requests.open_count(NOW, source="192.0.2.2")) == 1
    await store.write(lambda tx: tx.device_requests.forget(NOW - timedelta(hours=1)))
    assert await store.read(lambda tx: tx.device_requests.by_id("d3")) is None
    assert await store.read(lambda tx: tx.device_requests.by_id("d4")) is not None


async def test_a_persons_devices_end_in_every_organization(store: Store) -> None:
    ended = replace(key("k4", "o2", "u1"), revoked_at=NOW - timedelta(days=1))
    await store.write(
        lambda tx: tx.keys.add(
            key("k1", "o1", "u1"), key("k2", "o2", "u1"), key("k3", "o1", "u2"), ended, key("k5", "o1")
        )
    )
    await store.write(lambda tx: tx.keys.revoke_of_user("u1", NOW))
    found = {one.id: one.revoked_at for one in await store.read(lambda tx: tx.keys.all())}
    assert found == {"k1": NOW, "k2": NOW, "k3": None, "k4": ended.revoked_at, "k5": None}


async def test_addresses_and_sites_are_read_at_once(store: Store) -> None:
    people = [User(id=f"u{n}", email=f"u{n}@example.com", password_hash="x", created_at=NOW) for n in (1, 2)]
    members = [
        Membership(id=f"m{n}", organization_id=owner, user_id=user, role="owner", created_at=NOW)
        for n, (owner, user) in enumerate((("o1", "u1"), ("o1", "u2"), ("o2", "u2")))
    ]
    for one in people:
        await store.write(lambda tx, one=one: tx.users.add(one))  # type: ignore[misc]
    await store.write(lambda tx: tx.memberships.add(*members))
    assert await store.read(lambda tx: tx.users.emails("o2")) == {"u2": "u2@example.com"}
    assert len(await store.read(lambda tx: tx.users.emails("o1"))) == 2
    lists = [
        AccessList(id="a1", organization_id="o1", embed_domains=("shop.example",)),
        AccessList(id="a2", organization_id="o2", embed_domains=("*.x.example", "shop.example")),
        AccessList(id="a3", organization_id="o2", emails=("ann@example.com",)),
    ]
    await store.write(lambda tx: tx.access_lists.add(*lists))
    assert await store.read(lambda tx: tx.access_lists.sites()) == {"shop.example", "*.x.example"}
