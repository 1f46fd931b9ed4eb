"""What every section of a configuration looks like: names, identities, defaults and the stored form of its fields."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from trivium.core.errors import InvalidRequest
from trivium.core.model.json import JSON, JSONObject

NAME_CHARS_MAX = 200
RETENTION_MONTHS_MAX = 24
Normalizer = Callable[[JSON], JSON]


@dataclass(frozen=True, kw_only=True)
class SectionShape:
    """One row of the table. `area` is the part of a scope such as "mcp" in "mcp:read"; `key` None: a singleton.

    A field in `defaults` always has a value: clearing it gives the default. `normalizers` bring a field to the form in
    which it is stored and compared; `read_only` fields are ignored on the way in.
    """

    name: str
    area: str
    key: str | None = None
    defaults: JSONObject = field(default_factory=dict)
    read_only: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    normalizers: Mapping[str, Normalizer] = field(default_factory=dict)

    def normalized(self, name: str, value: JSON) -> JSON:
        """Return the stored form of a field; the default, or None, for a cleared one. InvalidRequest if it has none."""
        if value is None:
            if name in self.required:
                raise InvalidRequest("This cannot be cleared.", details={"section": self.name, "field": name})
            return self.defaults.get(name)
        normalize = self.normalizers.get(name)
        if normalize is None:
            return value
        try:
            return normalize(value)
        except InvalidRequest as error:
            raise InvalidRequest(error.message, details={"section": self.name, "field": name}) from error


def _name(value: JSON) -> JSON:
    if not isinstance(value, str):
        raise InvalidRequest("A name is text.")
    if not value.strip() or len(value) > NAME_CHARS_MAX or not value.isprintable():
        raise InvalidRequest(f"A name has 1 to {NAME_CHARS_MAX} characters that can be seen.")
    return value


def normalize_domain(value: JSON) -> JSON:
    """Return a domain in lower case without protocol, path or final dot. InvalidRequest when it is none."""
    if not isinstance(value, str):
        raise InvalidRequest("A domain is text.")
    domain = value.strip().lower()
    domain = domain.split("://", 1)[-1].split("/", 1)[0].rstrip(".")
    if domain.isascii():
        ascii_domain = domain
    else:
        try:
            ascii_domain = domain.encode("idna").decode()
        except UnicodeError as error:
            raise InvalidRequest(f"{value[:80]!r} is not a domain.") from error
    parts = ascii_domain.split(".")
    if len(parts) < 2 or len(ascii_domain) > 253 or not all(_is_domain_part(part) for part in parts):
        raise InvalidRequest(f"{value[:80]!r} is not a domain.")
    return ascii_domain


def _is_domain_part(part: str) -> bool:
    allowed = part.replace("-", "").isalnum() and part.isascii()
    return 0 < len(part) <= 63 and allowed and not part.startswith("-") and not part.endswith("-")


def _roster(value: JSON) -> JSON:
    """People and domains are sets of names in lower case: their order and doubles say nothing."""
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise InvalidRequest("A list of texts is expected.")
    entries = {entry.strip().lower() for entry in value if isinstance(entry, str)}
    if "" in entries:
        raise InvalidRequest("An entry is empty.")
    return [*sorted(entries)]


def _emails(value: JSON) -> JSON:
    return _each(value, _email)


def _email_domains(value: JSON) -> JSON:
    """Domains of e-mail addresses, also as people write them: `@example.com`."""
    return _each(value, lambda entry: str(normalize_domain(entry.removeprefix("@"))))


def _sites(value: JSON) -> JSON:
    """Sites as browsers name them: a host, with `*.` before it for all below it and `:port` after it for that alone."""
    return _each(value, _site)


def _each(value: JSON, clean: Callable[[str], str]) -> JSON:
    entries = _roster(value)
    return [*sorted({clean(str(entry)) for entry in entries})] if isinstance(entries, list) else entries


def _email(entry: str) -> str:
    name, _, domain = entry.rpartition("@")
    if not name or "@" in name or len(entry) > 254 or not entry.isprintable() or " " in entry:
        raise InvalidRequest(f"{entry[:80]!r} is not an e-mail address.")
    return f"{name}@{normalize_domain(domain)}"


def _site(entry: str) -> str:
    bare = entry.removeprefix("https://").removeprefix("http://").rstrip("/")
    host, colon, port = bare.rpartition(":") if ":" in bare else (bare, "", "")
    if colon and not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65_536):
        raise InvalidRequest(f"{entry[:80]!r} has no port that there is.")
    below = "*." if host.startswith("*.") else ""
    name = host.removeprefix("*.")
    is_local = not below and name == "localhost"
    return f"{below}{name if is_local else normalize_domain(name)}{colon}{port}"


def _names(value: JSON) -> JSON:
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise InvalidRequest("A list of names is expected.")
    return [*sorted({entry for entry in value if isinstance(entry, str)})]


def _collections(value: JSON) -> JSON:
    """Return the collections without nulls, by id; InvalidRequest when an id is missing, doubled or unusable."""
    if not isinstance(value, list):
        raise InvalidRequest("A list of collections is expected.")
    found: JSONObject = {}
    for item in value:
        if not isinstance(item, dict):
            raise InvalidRequest("A collection is an object.")
        slug = item.get("id")
        if not isinstance(slug, str) or not _is_slug(slug):
            raise InvalidRequest("A collection needs an id of 1 to 64 letters, digits, - and _.")
        if slug in found:
            raise InvalidRequest(f"Two collections have the id {slug!r}.")
        kept: JSONObject = {
            name: entry for name, entry in item.items() if entry is not None and name not in COLLECTION_READ_ONLY
        }
        if "mcp_servers" in kept:
            kept["mcp_servers"] = _names(kept["mcp_servers"])
        found[slug] = {"requires_auth": False, **kept, "name": kept.get("name") or slug}
    return [found[slug] for slug in sorted(found)]


def _is_slug(text: str) -> bool:
    return 0 < len(text) <= 64 and text.isascii() and text.replace("-", "").replace("_", "").isalnum()


def _jwt(value: JSON) -> JSON:
    if not isinstance(value, dict):
        raise InvalidRequest("An object is expected.")
    kept = {name: entry for name, entry in value.items() if entry is not None and name != "has_secret"}
    if kept.get("algorithm", "HS256") != "HS256":
        raise InvalidRequest("Tokens of visitors are signed with HS256.")
    return {"enabled": False, "algorithm": "HS256", "email_claim": "email", **kept}


def _protected(value: JSON) -> JSON:
    """What must not be deleted: "skills/refunds", "domains/*"; "agent" is the agent itself."""
    names = _names(value)
    for entry in names if isinstance(names, list) else []:
        section, _, key = str(entry).partition("/")
        shape = SHAPES_BY_NAME.get(section)
        is_item = shape is not None and shape.key is not None and key != ""
        if entry != "agent" and not is_item:
            raise InvalidRequest(f"{entry!r} names nothing that could be deleted.")
    return names


def _between(lowest: int, highest: int) -> Normalizer:
    def check(value: JSON) -> JSON:
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            raise InvalidRequest(f"A whole number from {lowest} to {highest} is expected.")
        return value

    return check


def _one_of(*choices: str) -> Normalizer:
    def check(value: JSON) -> JSON:
        if value not in choices:
            raise InvalidRequest(f"One of {', '.join(choices)} is expected.")
        return value

    return check


def _text(value: JSON) -> JSON:
    if not isinstance(value, str):
        raise InvalidRequest("A text is expected.")
    return value


def _flag(value: JSON) -> JSON:
    if not isinstance(value, bool):
        raise InvalidRequest("true or false is expected.")
    return value


def _object(value: JSON) -> JSONObject:
    if not isinstance(value, dict):
        raise InvalidRequest("An object is expected.")
    return value


def _object_list(value: JSON) -> JSON:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise InvalidRequest("A list of objects is expected.")
    return value


def _model_settings(value: JSON) -> JSON:
    """Check what is known of them; an empty model name says the same as none: the default model."""
    settings = _object(value)
    model, temperature, tokens = (settings.get(name) for name in ("model", "temperature", "max_output_tokens"))
    if model is not None and not isinstance(model, str):
        raise InvalidRequest("A model is named by a text.")
    if temperature is not None and (isinstance(temperature, bool) or not isinstance(temperature, int | float)):
        raise InvalidRequest("A temperature is a number.")
    if isinstance(temperature, int | float) and not 0 <= temperature <= 2:
        raise InvalidRequest("A temperature is a number from 0 to 2.")
    if tokens is not None and (isinstance(tokens, bool) or not isinstance(tokens, int) or not 0 < tokens <= 10**7):
        raise InvalidRequest("The tokens of an answer are a whole number from 1 on.")
    known: JSONObject = {"model": model or None, "temperature": temperature, "max_output_tokens": tokens}
    return _with_known(settings, known)


def _behavior(value: JSON) -> JSON:
    behavior = _object(value)
    known: JSONObject = {name: behavior.get(name) for name in ("instructions", "persona", "greeting")}
    for name, text in known.items():
        if text is not None and not isinstance(text, str):
            raise InvalidRequest(f"A text is expected for {name}.")
    return _with_known(behavior, {name: text or None for name, text in known.items()})


def _with_known(given: JSONObject, known: JSONObject) -> JSONObject:
    unknown = {name: value for name, value in given.items() if name not in known}
    return {**{name: value for name, value in known.items() if value is not None}, **unknown}


COLLECTION_READ_ONLY = frozenset({"email_count", "domain_count"})
ITEM_READ_ONLY = frozenset({"id", "created_at", "updated_at"})
AGENT_STATUSES = (
    "draft",
    "preview",
    "active",
    "paused",
    "archived",
    "deploying",
    "deployed",
    "pending",
    "failed",
    "inactive",
    "error",
)

SHAPES: tuple[SectionShape, ...] = (
    SectionShape(
        name="agent",
        area="agents",
        required=frozenset({"name"}),
        defaults={
            "description": "",
            "status": "active",
            "requires_auth": False,
            "model_settings": {},
            "behavior": {},
            "appearance": {},
            "own_models": {},
            "sales_enabled": False,
            "protected": [],
        },
        normalizers={
            "name": _name,
            "status": _one_of(*AGENT_STATUSES),
            "model_settings": _model_settings,
            "behavior": _behavior,
            "description": _text,
            "logo_url": _text,
            "requires_auth": _flag,
            "appearance": _object,
            "own_models": _object,
            "sales_enabled": _flag,
            "protected": _protected,
        },
    ),
    SectionShape(
        name="collections",
        area="agents",
        defaults={"collections": [], "ui_tree": [], "slot_workflows": []},
        normalizers={
            "collections": _collections,
            "ui_tree": _object_list,
            "slot_workflows": _object_list,
            "default_slot_id": _text,
            "default_name": _text,
        },
    ),
    SectionShape(
        name="access_protection",
        area="security",
        defaults={"enabled": False, "jwt": {"enabled": False, "algorithm": "HS256", "email_claim": "email"}},
        normalizers={"enabled": _flag, "jwt": _jwt},
    ),
    SectionShape(
        name="external_api",
        area="security",
        defaults={"enabled": False, "rate_limit_per_min": 60},
        normalizers={"enabled": _flag, "rate_limit_per_min": _between(1, 1000)},
    ),
    SectionShape(
        name="access_lists",
        area="security",
        defaults={"emails": [], "email_domains": [], "embed_domains": []},
        normalizers={"emails": _emails, "email_domains": _email_domains, "embed_domains": _sites},
    ),
    SectionShape(
        name="telemetry",
        area="security",
        defaults={
            "level": "full",
            "is_opt_out_allowed": False,
            "pseudonymizes": False,
            "retention_months": RETENTION_MONTHS_MAX,
        },
        normalizers={
            "level": _one_of("anonymized", "identified", "full"),
            "retention_months": _between(1, RETENTION_MONTHS_MAX),
        },
    ),
    SectionShape(
        name="mcp_servers",
        area="mcp",
        key="name",
        defaults={"description": "", "type": "generic", "enabled": True, "transport": "http"},
        read_only=ITEM_READ_ONLY
        | {"tools", "tools_discovered_at", "access_key_hint", "access_key_updated_at"}
        | {"email_count", "group_count", "database"},
        normalizers={"name": _name, "transport": _one_of("http", "stdio", "native")},
    ),
    SectionShape(
        name="skills",
        area="skills",
        key="name",
        defaults={
            "description": "",
            "body": "",
            "enabled": True,
            "mode": "on_demand",
            "source": "manual",
            "linked_servers": [],
            "linked_agents": [],
        },
        read_only=ITEM_READ_ONLY,
        normalizers={
            "name": _name,
            "mode": _one_of("on_demand", "always"),
            "source": _one_of("manual", "imported"),
            "linked_servers": _names,
            "linked_agents": _names,
        },
    ),
    SectionShape(name="domains", area="domains", key="domain", normalizers={"domain": normalize_domain}),
)
SHAPES_BY_NAME = {shape.name: shape for shape in SHAPES}
