"""Everything that manages agents as configuration, wired together."""

from dataclasses import dataclass

from trivium.core.ports import Clock, Seal, Store, Tokens
from trivium.core.reconcile.history import History
from trivium.core.reconcile.secret_store import Secrets
from trivium.core.reconcile.service import Configs
from trivium.core.services.oauth import OAuth
from trivium.core.services.quota import Quota


@dataclass(frozen=True, kw_only=True)
class Management:
    """The use cases of managing agents."""

    configs: Configs
    history: History
    secrets: Secrets
    oauth: OAuth
    quota: Quota


def wire_management(
    *, store: Store, clock: Clock, seal: Seal, tokens: Tokens, daily_calls_max: int | None = None
) -> Management:
    """Return the use cases over these ports."""
    configs = Configs(store=store, clock=clock)
    return Management(
        configs=configs,
        history=History(store=store, configs=configs),
        secrets=Secrets(store=store, clock=clock, seal=seal, configs=configs),
        oauth=OAuth(store=store, clock=clock, tokens=tokens),
        quota=Quota(store=store, clock=clock, daily_calls_max=daily_calls_max),
    )
