"""Secrets: sealed, never lost by an apply, gone with their server, told apart by fingerprint."""

from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.core.reconcile.bench import Bench, WallClock, caller, new_bench
from tests.core.reconcile.documents import Sections, documents
from trivium.adapters.secrets.keyring import open_keyring
from trivium.adapters.secrets.seal import AesSeal
from trivium.core.errors import InvalidRequest, NotFound, NotPermitted
from trivium.core.reconcile.secret_store import Place, Secrets

KEY = Place(server="crm", name="headers/Authorization")
JWT = Place(server=None, name="jwt_secret")
SERVERS: Sections = {"mcp_servers": [{"name": "crm"}, {"name": "other"}]}


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with new_bench(tmp_path / "store.db") as bench:
        await bench.apply(SERVERS)
        yield bench


@pytest.fixture
def secrets(bench: Bench, tmp_path: Path) -> Secrets:
    seal = AesSeal(open_keyring(tmp_path / "keys"))
    return Secrets(store=bench.store, clock=WallClock(), seal=seal, configs=bench.configs)


async def stored(bench: Bench) -> list[dict[str, Any]]:
    return [asdict(one) for one in await bench.store.read(lambda tx: tx.agent_secrets.find("o1"))]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents)
async def test_no_apply_touches_the_secrets_of_what_stays(bench: Bench, secrets: Secrets, document: Sections) -> None:
    await secrets.put(caller(), bench.agent.id, {KEY: "alpha", JWT: "beta"})
    before = await stored(bench)
    servers = [one for one in document.get("mcp_servers") or [] if one["name"] != "crm"]
    result = await bench.apply({**document, "mcp_servers": [*servers, {"name": "crm", "description": "moved"}]})
    assert result.failed is None
    assert await stored(bench) == before
    assert "alpha" not in str(result)


async def test_secrets_are_sealed_and_opened_for_use_only(bench: Bench, secrets: Secrets) -> None:
    await secrets.put(caller(), bench.agent.id, {KEY: "alpha", JWT: "beta"})
    assert "alpha" not in str(await stored(bench))
    server = await bench.store.read(lambda tx: tx.mcp_servers.first("o1", name="crm"))
    assert server is not None
    opened = await bench.store.read(lambda tx: secrets.reveal(tx, "o1", bench.agent.id, server.id))
    assert opened == {"headers/Authorization": "alpha"}


async def test_a_server_takes_its_secrets_with_it(bench: Bench, secrets: Secrets) -> None:
    await secrets.put(caller(), bench.agent.id, {KEY: "alpha", JWT: "beta"})
    await bench.apply({"mcp_servers": []})
    assert [one["name"] for one in await stored(bench)] == ["jwt_secret"]


async def test_only_a_change_is_a_write(bench: Bench, secrets: Secrets) -> None:
    first = await secrets.put(caller(), bench.agent.id, {KEY: "alpha"})
    count = await bench.store.read(lambda tx: tx.revisions.count("o1"))
    again = await secrets.put(caller(), bench.agent.id, {KEY: "alpha"})
    assert ([one.action for one in first], [one.action for one in again]) == (["create"], ["noop"])
    assert await bench.store.read(lambda tx: tx.revisions.count("o1")) == count
    other = await secrets.put(caller(), bench.agent.id, {KEY: "gamma"})
    assert (other[0].action, other[0].fingerprint == first[0].fingerprint) == ("update", False)
    gone = await secrets.put(caller(), bench.agent.id, {KEY: None})
    assert gone[0].action == "delete"
    assert await stored(bench) == []


async def test_the_revision_shows_fingerprints(bench: Bench, secrets: Secrets) -> None:
    await secrets.put(caller(), bench.agent.id, {JWT: "beta"})
    latest = await bench.store.read(lambda tx: tx.revisions.latest("o1", bench.agent.id))
    assert latest is not None
    document = await bench.store.read(lambda tx: tx.revision_documents.get("o1", latest.id))
    assert latest.cause == "secrets"
    assert [*document.secrets] == [f"{bench.agent.id}/jwt_secret"]


@pytest.mark.parametrize(
    ("place", "value", "error"),
    [
        (Place(server="none", name="headers/a"), "x", NotFound),
        (Place(server=None, name="other"), "x", InvalidRequest),
        (KEY, "", InvalidRequest),
        (KEY, "x" * 20_000, InvalidRequest),
    ],
)
async def test_unusable_secrets_are_refused(
    bench: Bench, secrets: Secrets, place: Place, value: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await secrets.put(caller(), bench.agent.id, {place: value})


async def test_each_place_needs_its_scope(bench: Bench, secrets: Secrets) -> None:
    with pytest.raises(NotPermitted):
        await secrets.put(caller("mcp:write"), bench.agent.id, {JWT: "x" * 20})
    with pytest.raises(NotPermitted):
        await secrets.find(caller("mcp:read"), bench.agent.id)
