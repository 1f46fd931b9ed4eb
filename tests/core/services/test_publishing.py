"""Proving domains and publishing."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from tests.core.reconcile.bench import Bench, WallClock, caller, new_bench
from trivium.core.errors import Conflict, NotFound, UpstreamFailed
from trivium.core.services.publishing import Publishing, record_name


class Zone:
    """TXT records by name; None: the server does not answer."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] | None = {}

    async def find(self, name: str) -> Sequence[str]:
        if self.texts is None:
            raise UpstreamFailed("no answer")
        return self.texts.get(name, [])


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with new_bench(tmp_path / "store.db") as bench:
        yield bench


async def test_a_domain_is_proved_by_its_record(bench: Bench) -> None:
    zone = Zone()
    publishing = Publishing(store=bench.store, clock=WallClock(), txt=zone)
    await bench.apply({"domains": [{"domain": "chat.example.com"}]})
    checked, warning = await publishing.verify("o1", bench.agent.id, "chat.example.com")
    assert (checked.status, warning) == ("failed", None)
    zone.texts = {record_name("chat.example.com"): ["spam", checked.challenge]}
    checked, _ = await publishing.verify("o1", bench.agent.id, "chat.example.com")
    assert checked.status == "verified"
    zone.texts = None
    kept, warning = await publishing.verify("o1", bench.agent.id, "chat.example.com")
    assert (kept.status, warning) == ("verified", "lookup_failed")


async def test_a_proved_domain_is_not_given_to_another_agent(bench: Bench) -> None:
    zone = Zone()
    publishing = Publishing(store=bench.store, clock=WallClock(), txt=zone)
    other = await bench.configs.create(caller(organization_id="o2"), {"agent": {"name": "B"}})
    pairs = [("o1", bench.agent.id), ("o2", other.id)]
    for organization_id, agent_id in pairs:
        by = caller(organization_id=organization_id)
        await bench.configs.change(by, agent_id, {"domains": [{"domain": "a.example"}]})
        domain = await publishing.domain(organization_id, agent_id, "a.example")
        assert zone.texts is not None
        zone.texts.setdefault(record_name("a.example"), []).append(domain.challenge)
    await publishing.verify(*pairs[0], "a.example")
    with pytest.raises(Conflict) as caught:
        await publishing.verify(*pairs[1], "a.example")
    assert caught.value.code == "domain_taken"
    with pytest.raises(NotFound):
        await publishing.domain("o2", bench.agent.id, "a.example")
