"""Random configurations, for properties."""

from typing import Any

from hypothesis import strategies as st

Sections = dict[str, Any]
_names = st.sampled_from(["crm", "Crm", "jira", "mail", "zürich", "a b", "x-1"])
_texts = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=12)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(-1e6, 1e6) | _texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_texts, inner, max_size=2),
    max_leaves=4,
)
_objects = st.dictionaries(_texts, _json, max_size=3)


def _optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with any of these fields, cleared ones included."""
    return st.fixed_dictionaries({}, optional={name: st.none() | values for name, values in fields.items()})


def _items(key: str, keys: st.SearchStrategy[str], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    item = st.builds(lambda name, rest: {key: name, **rest}, keys, _optional(**fields))
    return st.lists(item, max_size=5, unique_by=lambda entry: entry[key].lower() if key == "domain" else entry[key])


_collection = st.builds(
    lambda slug, rest: {"id": slug, **rest},
    st.sampled_from(["sw-2025", "sw-2024", "b_1"]),
    _optional(name=_texts, instructions=_texts, requires_auth=st.booleans(), email_count=st.integers(0, 9)),
)
_section = {
    "agent": st.builds(
        lambda fields, extra: {**fields, **{f"open.{name}": value for name, value in extra.items()}},
        st.fixed_dictionaries(
            {},
            optional={
                "name": _names,
                "description": st.none() | _texts,
                "status": st.sampled_from(["draft", "active", "preview", "paused"]),
                "requires_auth": st.booleans(),
                "model_settings": st.none()
                | _optional(model=_texts, temperature=st.floats(0, 2) | st.just(1), x=_json),
                "behavior": st.none() | _optional(instructions=_texts, greeting=_texts, tone=_json),
                "appearance": st.none() | _objects,
            },
        ),
        _objects,
    ),
    "collections": _optional(
        collections=st.lists(_collection, max_size=3, unique_by=lambda entry: entry["id"]),
        ui_tree=st.lists(_objects, max_size=2),
        default_name=_texts,
    ),
    "access_protection": _optional(
        enabled=st.booleans(),
        jwt=_optional(enabled=st.booleans(), email_claim=_texts, has_secret=st.booleans()),
    ),
    "external_api": _optional(enabled=st.booleans(), rate_limit_per_min=st.integers(1, 1000)),
    "access_lists": _optional(
        emails=st.lists(st.sampled_from(["A@x.io", "b@x.io", "c@y.io"]), max_size=4),
        embed_domains=st.lists(st.sampled_from(["x.io", "Y.io"]), max_size=3),
    ),
    "telemetry": _optional(
        level=st.sampled_from(["anonymized", "identified", "full"]), retention_months=st.integers(1, 24)
    ),
    "mcp_servers": _items(
        "name",
        _names,
        description=_texts,
        enabled=st.booleans(),
        url=st.just("https://tools.example/mcp"),
        id=_texts,
        tools=st.lists(_objects, max_size=1),
        instructions=_texts,
        oauth_config=_objects,
    ),
    "skills": _items(
        "name",
        _names,
        body=_texts,
        mode=st.sampled_from(["on_demand", "always"]),
        enabled=st.booleans(),
        linked_agents=st.lists(st.sampled_from(["eval", "sales"]), max_size=3),
    ),
    "domains": _items("domain", st.sampled_from(["a.example", "B.example", "c.example"])),
}
documents: st.SearchStrategy[Sections] = st.fixed_dictionaries({}, optional=_section)
full_documents: st.SearchStrategy[Sections] = st.fixed_dictionaries(_section)
