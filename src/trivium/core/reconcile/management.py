"""Everything that manages agents as configuration, wired together."""

from dataclasses import dataclass

from trivium.core.ports import Clock, Seal, Store, Tokens
from trivium.core.ports.dns import TxtRecords
from trivium.core.ports.mcp import McpClients
from trivium.core.reconcile.capabilities import Capabilities
from trivium.core.reconcile.history import History
from trivium.core.reconcile.secret_store import Secrets
from trivium.core.reconcile.service import Configs
from trivium.core.services.agent_keys import AgentKeys
from trivium.core.services.analytics import Analytics
from trivium.core.services.gate import Gate
from trivium.core.services.oauth import OAuth
from trivium.core.services.publishing import Publishing
from trivium.core.services.quota import Quota
from trivium.core.services.remembered import Remembered
from trivium.core.services.removal import Removal
from trivium.core.services.skills import Skills
from trivium.core.services.telemetry import Forgetting


@dataclass(frozen=True, kw_only=True)
class Management:
    """The use cases of managing agents."""

    configs: Configs
    history: History
    secrets: Secrets
    oauth: OAuth
    quota: Quota
    agent_keys: AgentKeys
    capabilities: Capabilities
    skills: Skills
    publishing: Publishing
    analytics: Analytics
    forgetting: Forgetting
    gate: Gate


def wire_management(
    *,
    store: Store,
    clock: Clock,
    seal: Seal,
    tokens: Tokens,
    remembered: Remembered,
    removal: Removal,
    mcp_clients: McpClients | None = None,
    txt_records: TxtRecords | None = None,
    daily_calls_max: int | None = None,
) -> Management:
    """Return the use cases over these ports."""
    configs = Configs(store=store, clock=clock)
    vault = Secrets(store=store, clock=clock, seal=seal, configs=configs)
    agent_keys = AgentKeys(store=store, clock=clock)
    return Management(
        configs=configs,
        history=History(store=store, configs=configs),
        secrets=vault,
        oauth=OAuth(store=store, clock=clock, tokens=tokens),
        quota=Quota(store=store, clock=clock, daily_calls_max=daily_calls_max),
        agent_keys=agent_keys,
        capabilities=Capabilities(store=store, clock=clock, configs=configs, vault=vault, clients=mcp_clients),
        skills=Skills(store=store, remembered=remembered),
        publishing=Publishing(store=store, clock=clock, txt=txt_records),
        analytics=Analytics(store=store, clock=clock),
        forgetting=Forgetting(store=store, clock=clock, removal=removal),
        gate=Gate(store=store, clock=clock, keys=agent_keys, reveal=vault.reveal),
    )
