"""The Wabee Agent Core API (README.md in this folder)."""

import re

from trivium.contracts.http import Dialect, Direct
from trivium.contracts.openapi import Part
from trivium.contracts.routing import Router
from trivium.contracts.wabee.errors import render
from trivium.contracts.wabee.routes_agent import AgentRoutes
from trivium.contracts.wabee.routes_async import AsyncRoutes, Callbacks
from trivium.contracts.wabee.routes_chain import ChainRoutes
from trivium.contracts.wabee.routes_files import FileRoutes
from trivium.contracts.wabee.routes_memory import MemoryRoutes
from trivium.contracts.wabee.routes_observability import ObservabilityRoutes
from trivium.contracts.wabee.routes_sessions import SessionRoutes
from trivium.contracts.wabee.routes_sub_agents import SubAgentRoutes
from trivium.contracts.wabee.routes_tools import ToolRoutes
from trivium.core.platform import Platform

__all__ = ["DIALECT", "described", "direct", "router"]

# One agent per key, or an explicit one: the stock client only joins its address and the path, so both work with it.
_PREFIXES = ("/core/v1", "/agents/{agent}/core/v1")
_OWN_PATHS = re.compile(r"/(agents/[^/]+/)?core(/|$)")

DIALECT = Dialect(name="wabee", owns=lambda path, _: _OWN_PATHS.match(path) is not None, render=render)


def router(platform: Platform, *, heartbeat_s: float = 15.0, upload_size_max: int = 50 * 1024 * 1024) -> Router:
    """Return every operation of the contract under both of its prefixes."""
    chain = ChainRoutes(platform, heartbeat_s=heartbeat_s)
    platform.run_driver.finish_hooks.append(Callbacks(platform).finished)
    parts = (
        AgentRoutes(platform),
        chain,
        AsyncRoutes(platform, chain),
        SessionRoutes(platform),
        MemoryRoutes(platform),
        ToolRoutes(platform),
        SubAgentRoutes(platform),
        ObservabilityRoutes(platform),
        FileRoutes(platform, size_max=upload_size_max),
    )
    served = Router()
    for prefix in _PREFIXES:
        operations = Router(prefix=prefix)
        for part in parts:
            part.add_to(operations)
        served.include(operations)
    return served


def direct(platform: Platform, *, heartbeat_s: float = 15.0) -> Direct:
    """Return the operations that ask the agent, for `http.install`."""
    chain = ChainRoutes(platform, heartbeat_s=heartbeat_s)
    return Direct(endpoints={f"{_PREFIXES[0]}{path}": endpoint for path, endpoint in chain.endpoints.items()})


def described() -> Part:
    """Return what the OpenAPI document says about the contract; its shapes are loaded here and not before."""
    from trivium.contracts.wabee.description import PART

    return PART
