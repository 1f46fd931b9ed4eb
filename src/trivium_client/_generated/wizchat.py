# Written by `make generate` from ../_async/wizchat.py; edits here are lost.
"""The WizChat Management API: chatbots and their configuration as a document."""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

import httpx2

from trivium_client._generated.client import Client
from trivium_client._generated.transport import Transport, content_of, parsed, refusal
from trivium_client._generated.wizchat_content import Deployment, Documents, Domains, Videos
from trivium_client._generated.wizchat_resources import (
    AccessLists,
    AccessProtection,
    Analytics,
    ExternalApi,
    McpServers,
    OAuthClients,
    Revisions,
    Scopes,
    Secrets,
    Skills,
    Telemetry,
)
from trivium_client._generated.workflow_config import WorkflowConfig
from trivium_client._call import LOCAL_ADDRESS, Call, Options, first_of, needed, origin_of, path
from trivium_client._errors import MissingConfiguration
from trivium_client._json import JsonInput, JsonObject
from trivium_client._model import Items
from trivium_client.models.wizchat import (
    ApplyResult,
    ChatbotConfigDocument,
    OAuthTokenResponse,
    PublicChatbot,
    QueryAnswer,
    UsageSummary,
)

Document: TypeAlias = "ChatbotConfigDocument | JsonInput"
PAGE_SIZE = 100
QUERY_TIMEOUT_S = 300.0


class WizChat(Client):
    """Talks to the WizChat Management API with a `wpk_live_…` key.

    The key is read from `WIZCHAT_API_KEY` and the address from `WIZCHAT_BASE_URL`, else `TRIVIUM_URL`, else it is
    this machine's port 8080. `timeout` is in seconds and per try.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        timeout: float = 30.0,
        max_retries: int = 2,
        headers: Mapping[str, str] | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        key = needed(first_of(api_key, "WIZCHAT_API_KEY"), "api_key", "WIZCHAT_API_KEY")
        address = first_of(base_url, "WIZCHAT_BASE_URL", "TRIVIUM_URL") or LOCAL_ADDRESS
        super().__init__(
            Transport(
                base_url=origin_of(address),
                headers={"authorization": f"Bearer {key}"},
                options=Options(timeout=timeout, max_retries=max_retries, headers=headers or {}),
                transport=transport,
            )
        )
        self._wire()

    def _wire(self) -> None:
        self.scopes = Scopes(self._transport)
        self.access_protection = AccessProtection(self._transport)
        self.external_api = ExternalApi(self._transport)
        self.access_lists = AccessLists(self._transport)
        self.telemetry = Telemetry(self._transport)
        self.mcp_servers = McpServers(self._transport)
        self.skills = Skills(self._transport)
        self.documents = Documents(self._transport)
        self.videos = Videos(self._transport)
        self.deployment = Deployment(self._transport)
        self.domains = Domains(self._transport)
        self.analytics = Analytics(self._transport)
        self.oauth_clients = OAuthClients(self._transport)
        self.revisions = Revisions(self._transport)
        self.secrets = Secrets(self._transport)
        self.workflow_config = WorkflowConfig(self._transport)

    def list_chatbots(self) -> Items[PublicChatbot]:
        """Return all chatbots that the key may see."""
        return self._transport.fetch_items(
            PublicChatbot, Call(method="GET", path="/api/v1/chatbots", unwrap="chatbots")
        )

    def iterate_chatbots(self, *, page_size: int = PAGE_SIZE) -> Iterator[PublicChatbot]:
        """Yield all chatbots, fetching page after page."""
        call = Call(method="GET", path="/api/v1/chatbots", unwrap="chatbots")
        return self._transport.iterate(PublicChatbot, call, page_size)

    def get_chatbot(self, chatbot_id: str) -> PublicChatbot:
        """Return one chatbot; raises NotFound."""
        return self._transport.fetch(
            PublicChatbot, Call(method="GET", path=path("/api/v1/chatbots/{}", chatbot_id), unwrap="chatbot")
        )

    def create_chatbot(self, name: str, **core: object) -> PublicChatbot:
        """Make a chatbot; further arguments are fields of the section `core`, spelled as on the wire."""
        return self._transport.fetch(
            PublicChatbot,
            Call(method="POST", path="/api/v1/chatbots", body={"name": name, **core}, unwrap="chatbot"),
        )

    def update_chatbot(self, chatbot_id: str, core: JsonInput) -> PublicChatbot:
        """Change fields of the section `core`; a field that is null is cleared, one that is absent stays."""
        return self._transport.fetch(
            PublicChatbot,
            Call(method="PATCH", path=path("/api/v1/chatbots/{}", chatbot_id), body={**core}, unwrap="chatbot"),
        )

    def delete_chatbot(self, chatbot_id: str) -> None:
        """Delete a chatbot and everything it has."""
        self._transport.send(Call(method="DELETE", path=path("/api/v1/chatbots/{}", chatbot_id)))

    def get_config(self, chatbot_id: str) -> ChatbotConfigDocument:
        """Export the configuration, as far as the key may read it. Its `etag` names this state."""
        return self._transport.fetch(
            ChatbotConfigDocument, Call(method="GET", path=path("/api/v1/chatbots/{}/config", chatbot_id))
        )

    def apply_config(
        self,
        chatbot_id: str,
        document: Document,
        *,
        dry_run: bool = False,
        prune: bool | None = None,
        if_match: str | None = None,
        plan_hash: str | None = None,
        document_hash: str | None = None,
        max_deletes: int | None = None,
        preflight: bool = False,
        atomic: bool = False,
    ) -> ApplyResult:
        """Bring a chatbot to the state in the document, or with `dry_run` only plan it.

        A partial failure (HTTP 422) is returned, not raised: see `failed`. `prune` overrides the document's own
        value. With `if_match`, `plan_hash` or `document_hash` the call raises Conflict (412) when the chatbot, the plan
        or the document is no longer that one; with `max_deletes` when more would go. `preflight` refuses the whole
        when one op is known to fail; `atomic` keeps all or nothing.
        """
        call = Call(
            method="POST",
            path=path("/api/v1/chatbots/{}/apply", chatbot_id),
            params={"dryRun": True} if dry_run else {},
            body=body_of(document, prune),
            headers=conditions(
                if_match=if_match,
                plan_hash=plan_hash,
                document_hash=document_hash,
                max_deletes=None if max_deletes is None else str(max_deletes),
                apply_preflight="true" if preflight else None,
                apply_mode="atomic" if atomic else None,
            ),
            accepts=frozenset({422}),
            conflict_passes=False,
        )
        raw = self._transport.send(call)
        if raw.status == 422 and not is_partial_failure(raw.content):
            raise refusal(raw)
        result = parsed(ApplyResult, content_of(raw, None), raw)
        result.attach(raw)
        return result

    def query(
        self,
        chatbot_id: str,
        message: str,
        *,
        conversation_id: str | None = None,
        user_id: str | None = None,
        scope: str | None = None,
        metadata: JsonInput | None = None,
        images: Sequence[str | bytes] | None = None,
        timeout: float = QUERY_TIMEOUT_S,
    ) -> QueryAnswer:
        """Put a question to a chatbot; the `api_key` of this client is then one of `external_api.create_key`.

        Without `conversation_id` a new conversation begins. `scope` is the id of a knowledge scope. `images` are up to
        five pictures: their bytes, or base64.
        """
        given = {
            "message": message,
            "conversationId": conversation_id,
            "userId": user_id,
            "scope": scope,
            "metadata": None if metadata is None else {**metadata},
            "images": None if images is None else [as_text(image) for image in images],
        }
        body = {name: value for name, value in given.items() if value is not None}
        call = Call(method="POST", path=path("/v1/chatbots/{}/query", chatbot_id), body=body, timeout=timeout)
        return self._transport.fetch(QueryAnswer, call)

    def rename(self, chatbot_id: str, section: Literal["mcpServers", "skills"], *, old: str, new: str) -> None:
        """Give an MCP server or a skill another name; its id, its secrets and what refers to it stay."""
        body = {"section": section, "from": old, "to": new}
        self._transport.send(Call(method="POST", path=path("/api/v1/chatbots/{}/rename", chatbot_id), body=body))

    def usage(self) -> UsageSummary:
        """Return how much of the daily quota is used."""
        return self._transport.fetch(UsageSummary, Call(method="GET", path="/api/v1/usage"))

    def openapi(self) -> JsonObject:
        """Return the OpenAPI document of the API."""
        return (self._transport.send(Call(method="GET", path="/api/v1/openapi.json"))).json()

    def fetch_token(self, client_id: str, client_secret: str, *, scope: str | None = None) -> OAuthTokenResponse:
        """Return a token for the credentials of an OAuth client; use it as `api_key` of another client."""
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        return self._transport.fetch(
            OAuthTokenResponse,
            Call(method="POST", path="/api/v1/oauth/token", form=form | ({"scope": scope} if scope else {})),
        )


def as_text(image: str | bytes) -> str:
    """Return a picture as base64."""
    return image if isinstance(image, str) else b64encode(image).decode()


def conditions(**given: str | None) -> dict[str, str]:
    """Return the headers for the conditions that are given."""
    return {name.replace("_", "-"): value for name, value in given.items() if value is not None}


def body_of(document: Document, prune: bool | None) -> dict[str, object]:
    """Return the document as apply takes it: without what only an export or a call may hold.

    A field that was set to None is sent as null, which clears it; one that was never set is left out.
    """
    if isinstance(document, ChatbotConfigDocument):
        body: dict[str, object] = document.model_dump(mode="json", by_alias=True, exclude_unset=True)
        body |= {"apiVersion": document.apiVersion, "kind": document.kind}
        if document.prune is None:
            body.pop("prune", None)
    elif isinstance(document, Mapping):
        body = dict(document)
    else:
        raise MissingConfiguration("the document is neither a ChatbotConfigDocument nor a mapping")
    body = {key: value for key, value in body.items() if key not in {"dryRun", "_omittedSections"}}
    return body if prune is None else {**body, "prune": prune}


def is_partial_failure(content: bytes) -> bool:
    """Return whether the body of a 422 is an apply that stopped, not a refusal."""
    try:
        body = json.loads(content)
    except ValueError:
        return False
    return isinstance(body, dict) and "error" not in body and "plan" in body
