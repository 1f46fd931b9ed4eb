"""The shapes of the WizChat contract: generated from its description, with what makes them handy.

Names are those on the wire, as in the published client.
"""

from trivium_client._json import JsonObject
from trivium_client.models._generated import wizchat as shapes
from trivium_client.models._generated.wizchat import *

# Shapes that stand in a document and are answered by themselves, too.
Scopes = shapes.ScopesSection
AccessProtection = shapes.AccessProtectionSection
ExternalApi = shapes.ExternalApiSection
Domain = shapes.DomainItem
JwtConfig = shapes.JwtSettings
ScopesAnswer = shapes.ScopesSection
ScopeAnswer = shapes.PublicScope
AccessListsAnswer = shapes.PublicAccessLists
TelemetryAnswer = shapes.PublicTelemetry
McpServerAnswer = shapes.PublicMcpServer
SkillAnswer = shapes.PublicSkill
DailyCost = shapes.DailyTrendItem
ModelCost = shapes.ModelBreakdownItem


class ChatbotConfigDocument(shapes.ChatbotConfigDocument):
    """The wanted state of a chatbot, as a document."""

    @property
    def etag(self) -> str | None:
        """Return the state this document was read from, to be passed as `if_match` of an apply."""
        return self.raw_response.headers.get("etag") if self.raw_response else None


class Plan(shapes.Plan):
    """What an apply does, or would do."""

    @property
    def has_changes(self) -> bool:
        return any(op.action != "noop" for op in self.ops)


class ApplyResult(shapes.ApplyResult):
    """What came of an apply. When `failed` is set, what is in `applied` stays applied: mend and apply again."""

    plan: Plan
    config: ChatbotConfigDocument | None = None

    @property
    def base_etag(self) -> str | None:
        """Return the state that the plan was made against, to be passed as `if_match` of the apply."""
        return self._header("base-etag")

    @property
    def etag(self) -> str | None:
        """Return the state after an apply; of a dry run, the state as it is."""
        return self._header("etag")

    @property
    def plan_hash(self) -> str | None:
        """Return what names this very plan, to be passed to an apply that must do exactly this."""
        return self._header("plan-hash")

    @property
    def document_hash(self) -> str | None:
        """Return what names the document that was planned."""
        return self._header("document-hash")

    @property
    def revision(self) -> int | None:
        """Return the number of the revision that the apply made."""
        number = self._header("revision")
        return int(number) if number and number.isdecimal() else None

    @property
    def warnings(self) -> str | None:
        """Return what the server wants to be known, such as a setting that is stored but not in effect."""
        return self._header("plan-warning")

    def _header(self, name: str) -> str | None:
        return self.raw_response.headers.get(name) if self.raw_response else None


class Revision(shapes.Revision):
    """A stored state of a chatbot's configuration; `config` and `plan` only where one is read by itself."""

    config: JsonObject | None = None
    plan: Plan | None = None


class Drift(shapes.Drift):
    """What changed since the last apply: the plan that leads from then to now, and who wrote since."""

    plan: Plan


class RevisionDiff(shapes.RevisionDiff):
    """The plan that leads from one state to another."""

    plan: Plan


class OAuthClient(shapes.OAuthClient):
    """A program that fetches tokens of its own. `clientSecret` is there once, when it was just made."""

    clientSecret: str | None = None


class Key(shapes.Key):
    """A key of a chatbot, shown by its first letters. `key` holds all of it, once, when it was just made."""

    label: str | None = None
    key: str | None = None
    usageCount: int | None = None
