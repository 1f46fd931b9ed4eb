"""The WizChat Management API: agents as configuration."""

from trivium.contracts.openapi import Part
from trivium.contracts.routing import Router
from trivium.contracts.wizchat import errors
from trivium.contracts.wizchat.api import Api
from trivium.contracts.wizchat.description import describe
from trivium.contracts.wizchat.routes_capabilities import ScopeRoutes, ServerRoutes, SkillRoutes
from trivium.contracts.wizchat.routes_chatbots import ChatbotRoutes
from trivium.contracts.wizchat.routes_config import ConfigRoutes
from trivium.contracts.wizchat.routes_documents import DocumentRoutes
from trivium.contracts.wizchat.routes_publishing import PublishingRoutes
from trivium.contracts.wizchat.routes_query import QueryRoutes
from trivium.contracts.wizchat.routes_security import SecurityRoutes
from trivium.contracts.wizchat.routes_service import ServiceRoutes
from trivium.core.platform import Platform

DIALECTS = errors.DIALECTS

__all__ = ["DIALECTS", "described", "new_api", "router"]


def router(platform: Platform) -> Router:
    """Return every route of the contract; its errors are rendered by `DIALECTS`."""
    both = Router()
    api, service = new_api(platform)
    both.include(api.router)
    both.include(service.plain_router())
    both.include(QueryRoutes(platform).router())
    return both


def new_api(platform: Platform) -> tuple[Api, ServiceRoutes]:
    """Return the routes with their description."""
    api = Api(platform=platform)
    ChatbotRoutes(api)
    ConfigRoutes(api)
    ScopeRoutes(api)
    SecurityRoutes(api)
    ServerRoutes(api)
    SkillRoutes(api)
    DocumentRoutes(api, "documents")
    DocumentRoutes(api, "videos")
    PublishingRoutes(api)
    return api, ServiceRoutes(api, describe=lambda: describe(api))


def described() -> Part:
    """Return what the server's document says of the data plane; the management API has a document of its own."""
    from trivium.contracts.wizchat.shapes_query import PART

    return PART
