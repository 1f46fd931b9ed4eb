"""The Python client of Trivium; imports nothing of the server.

    from trivium_client import Wabee

    with Wabee() as agent:
        for piece in agent.chain_streaming("How long may I return an item?").text_deltas():
            print(piece, end="")

`WizChat`, `Wisebot` and `Wabee` speak one contract each; every one has an `Async…` twin with the same methods.
Names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from trivium_client import webhooks as webhooks
    from trivium_client._async.stream import AsyncEventStream
    from trivium_client._async.wabee import AsyncWabee
    from trivium_client._async.wisebot import AsyncWisebot, trigger_workflow_async
    from trivium_client._async.wizchat import AsyncWizChat
    from trivium_client._call import RawResponse
    from trivium_client._errors import (
        ApiError,
        BadRequest,
        Conflict,
        ConnectionFailed,
        Gone,
        InvalidAnswer,
        MissingConfiguration,
        NotAuthenticated,
        NotFound,
        NotPermitted,
        RateLimited,
        RunFailed,
        ServerFailed,
        StreamBroken,
        TimedOut,
        TooLarge,
        TriviumError,
        WebhookInvalid,
    )
    from trivium_client._errors import ApiError as WizChatApiError
    from trivium_client._generated.stream import EventStream
    from trivium_client._generated.wabee import Wabee
    from trivium_client._generated.wisebot import Wisebot, trigger_workflow
    from trivium_client._generated.wizchat import WizChat
    from trivium_client._generated.wizchat import WizChat as WizChatClient
    from trivium_client._model import Items
    from trivium_client.models.wisebot import Tools
    from trivium_client.models.wizchat import ApplyResult, ChatbotConfigDocument, Plan, PublicChatbot, Spec
    from trivium_client.models.workflow_config import WorkflowApplyResult, WorkflowDefinition, WorkflowSet

__all__ = [
    "ApiError",
    "ApplyResult",
    "AsyncEventStream",
    "AsyncWabee",
    "AsyncWisebot",
    "AsyncWizChat",
    "BadRequest",
    "ChatbotConfigDocument",
    "Conflict",
    "ConnectionFailed",
    "EventStream",
    "Gone",
    "InvalidAnswer",
    "Items",
    "MissingConfiguration",
    "NotAuthenticated",
    "NotFound",
    "NotPermitted",
    "Plan",
    "PublicChatbot",
    "RateLimited",
    "RawResponse",
    "RunFailed",
    "ServerFailed",
    "Spec",
    "StreamBroken",
    "TimedOut",
    "TooLarge",
    "Tools",
    "TriviumError",
    "Wabee",
    "WebhookInvalid",
    "Wisebot",
    "WizChat",
    "WizChatApiError",
    "WizChatClient",
    "WorkflowApplyResult",
    "WorkflowDefinition",
    "WorkflowSet",
    "trigger_workflow",
    "trigger_workflow_async",
    "webhooks",
]

# Where each name is found, and under which name it stands there when that is another.
_HOMES = {
    "_async.stream": "AsyncEventStream",
    "_async.wabee": "AsyncWabee",
    "_async.wisebot": "AsyncWisebot trigger_workflow_async",
    "_async.wizchat": "AsyncWizChat",
    "_call": "RawResponse",
    "_errors": (
        "ApiError BadRequest Conflict ConnectionFailed Gone InvalidAnswer MissingConfiguration NotAuthenticated "
        "NotFound NotPermitted RateLimited RunFailed ServerFailed StreamBroken TimedOut TooLarge TriviumError "
        "WebhookInvalid"
    ),
    "_generated.stream": "EventStream",
    "_generated.wabee": "Wabee",
    "_generated.wisebot": "Wisebot trigger_workflow",
    "_generated.wizchat": "WizChat",
    "_model": "Items",
    "models.wisebot": "Tools",
    "models.wizchat": "ApplyResult ChatbotConfigDocument Plan PublicChatbot Spec",
    "models.workflow_config": "WorkflowApplyResult WorkflowDefinition WorkflowSet",
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names.split()}
_ALIASES = {"WizChatApiError": "ApiError", "WizChatClient": "WizChat"}


def __getattr__(name: str) -> object:
    """Load a public name when it is first used."""
    import importlib

    if name == "webhooks":
        return importlib.import_module("trivium_client.webhooks")
    own = _ALIASES.get(name, name)
    module = _MODULES.get(own)
    if module is None:
        raise AttributeError(f"module 'trivium_client' has no attribute {name!r}")
    found: object = getattr(importlib.import_module(f"trivium_client.{module}"), own)
    globals()[name] = found
    return found
