"""Client credentials: registered scopes, tokens that end with their client."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clock import HandClock
from tests.core.reconcile.bench import opened
from trivium.adapters.secrets.keyring import open_keyring
from trivium.adapters.secrets.tokens import JwtTokens
from trivium.core.errors import InvalidRequest, NotAuthenticated, NotFound
from trivium.core.services.oauth import TOKEN_LIFETIME_S, OAuth


class Bench:
    def __init__(self, oauth: OAuth, clock: HandClock, tokens: JwtTokens) -> None:
        self.oauth, self.clock, self.tokens = oauth, clock, tokens


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    clock = HandClock()
    tokens = JwtTokens(open_keyring(tmp_path / "keys"), clock)
    async with opened(tmp_path / "store.db") as (store, _):
        yield Bench(OAuth(store=store, clock=clock, tokens=tokens), clock, tokens)


async def test_a_token_carries_what_was_asked_for(bench: Bench) -> None:
    client, secret = await bench.oauth.create("o1", name="ci", scopes=["agents:read", "skills:read"])
    token, lifetime_s, granted = await bench.oauth.token(client.id, secret, scope="skills:read")
    principal = await bench.oauth.authenticate(token)
    assert principal is not None
    assert (lifetime_s, granted) == (TOKEN_LIFETIME_S, ("skills:read",))
    assert (principal.organization_id, principal.kind) == ("o1", "client")
    assert principal.scopes == {"skills:read"}
    assert secret not in str(client)


async def test_a_token_ends_by_time_and_with_its_client(bench: Bench) -> None:
    client, secret = await bench.oauth.create("o1", name="ci", scopes=["agents:read"])
    token, _, _ = await bench.oauth.token(client.id, secret)
    bench.clock.advance(seconds=TOKEN_LIFETIME_S + 1)
    with pytest.raises(NotAuthenticated):
        await bench.oauth.authenticate(token)
    token, _, _ = await bench.oauth.token(client.id, secret)
    with pytest.raises(NotFound):
        await bench.oauth.revoke("o2", client.id)
    await bench.oauth.revoke("o1", client.id)
    for call in (bench.oauth.authenticate(token), bench.oauth.token(client.id, secret)):
        with pytest.raises(NotAuthenticated):
            await call


async def test_more_than_registered_is_refused(bench: Bench) -> None:
    client, secret = await bench.oauth.create("o1", name="ci", scopes=["agents:read"])
    with pytest.raises(InvalidRequest):
        await bench.oauth.token(client.id, secret, scope="agents:read deploy")
    with pytest.raises(NotAuthenticated):
        await bench.oauth.token(client.id, secret + "x")
    with pytest.raises(NotAuthenticated):
        await bench.oauth.token("occ_none", "")
    with pytest.raises(InvalidRequest):
        await bench.oauth.create("o1", name="ci", scopes=["everything"])


async def test_tokens_of_people_are_none_of_ours(bench: Bench) -> None:
    assert await bench.oauth.authenticate(bench.tokens.issue({"use": "user", "sub": "u1"}, 60)) is None
    assert await bench.oauth.authenticate("wpk_live_x") is None
