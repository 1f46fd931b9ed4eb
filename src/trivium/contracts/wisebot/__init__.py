"""The Wisebot API: dashboard, visitor chat and workflows (README.md in this folder)."""

from collections.abc import Iterable

from starlette.applications import Starlette

from trivium.contracts.http import Dialect, Direct
from trivium.contracts.openapi import Part
from trivium.contracts.routing import Router
from trivium.contracts.wisebot.errors import owns, owns_unclaimed, render
from trivium.contracts.wisebot.origins import Origins
from trivium.contracts.wisebot.routes_account import AccountRoutes
from trivium.contracts.wisebot.routes_agents import AgentRoutes
from trivium.contracts.wisebot.routes_bookings import BookingRoutes
from trivium.contracts.wisebot.routes_chat import ChatRoutes
from trivium.contracts.wisebot.routes_device import DEVICE_DIALECT, DeviceRoutes
from trivium.contracts.wisebot.routes_flow_config import FlowConfigRoutes
from trivium.contracts.wisebot.routes_flows import WAIT_S, FlowRoutes
from trivium.contracts.wisebot.routes_inbox import InboxRoutes
from trivium.contracts.wisebot.routes_knowledge import KnowledgeRoutes
from trivium.contracts.wisebot.routes_listening import ListeningRoutes
from trivium.contracts.wisebot.routes_operations import OperationRoutes
from trivium.contracts.wisebot.routes_playground import PlaygroundRoutes
from trivium.contracts.wisebot.routes_secrets import SecretRoutes
from trivium.core.platform import Platform

__all__ = ["DEVICE_DIALECT", "DIALECT", "UNCLAIMED", "described", "mount"]

DIALECT = Dialect(name="wisebot", owns=owns, render=render)
# Comes after every other contract's.
UNCLAIMED = Dialect(name="wisebot-unclaimed", owns=owns_unclaimed, render=render)


def mount(
    app: Starlette,
    platform: Platform,
    *,
    allowed_origins: Iterable[str] = (),
    heartbeat_s: float = 15.0,
    wait_s: float = WAIT_S,
    public_url: str = "",
) -> Direct:
    """Add every operation of the contract, and CORS on the chat paths for these origins.

    Returns the operations that visitors use most, for `http.install`.
    """
    origins = Origins(allowed_origins, embeds=platform.management.gate.embeds)
    served = Router()
    AccountRoutes(platform).add_to(served)
    DeviceRoutes(platform, public_url=public_url).add_to(served)
    FlowConfigRoutes(platform).add_to(served)
    FlowRoutes(platform, wait_s=wait_s).add_to(served)
    chat = ChatRoutes(platform, origins=origins, heartbeat_s=heartbeat_s)
    chat.add_to(served)
    knowledge = KnowledgeRoutes(platform)
    knowledge.add_downloads_to(served)
    dashboard = Router(prefix="/api/v1")
    AgentRoutes(platform).add_to(dashboard)
    BookingRoutes(platform).add_to(dashboard)
    SecretRoutes(platform).add_to(dashboard)
    knowledge.add_to(dashboard)
    InboxRoutes(platform, heartbeat_s=heartbeat_s).add_to(dashboard)
    PlaygroundRoutes(platform).add_to(dashboard)
    ListeningRoutes(platform, heartbeat_s=heartbeat_s).add_to(dashboard)
    OperationRoutes(platform).add_to(dashboard)
    app.router.routes.extend(served.routes)
    app.router.routes.extend(dashboard.routes)
    app.add_middleware(origins.layer)
    return Direct(endpoints=chat.busiest, layer=origins.layer)


def described() -> Part:
    """Return what the OpenAPI document says about the contract; its shapes are loaded here and not before."""
    from trivium.contracts.wisebot.description import PART

    return PART
