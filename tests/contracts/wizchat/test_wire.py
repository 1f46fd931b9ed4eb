"""Words go over into ours and come back; what the contract does not name stays as it is."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.reconcile.documents import Sections, full_documents
from trivium.contracts.wizchat import wire
from trivium.contracts.wizchat.names import FIELDS, SECTION_NAMES
from trivium.core.errors import InvalidRequest
from trivium.core.model.config import Op

_keys = st.text(st.characters(whitelist_categories=["Ll", "Lu"]), min_size=1, max_size=8)
_core = st.dictionaries(_keys, st.none() | st.integers() | st.dictionaries(_keys, st.integers(), max_size=2))


@settings(max_examples=500, deadline=None)
@given(_core)
def test_open_keys_come_back_as_they_were(core: dict[str, Any]) -> None:
    assert wire.show_section("agent", wire.read_section("agent", core)) == core


@settings(max_examples=300, deadline=None)
@given(full_documents)
def test_what_we_show_reads_back_the_same(sections: Sections) -> None:
    shown = json.loads(json.dumps({name: wire.show_section(name, content) for name, content in sections.items()}))
    for name, content in shown.items():
        assert wire.read_section(name, content) == sections[name]


def test_no_two_fields_share_a_name() -> None:
    for section, names in FIELDS.items():
        assert len(set(names.pairs.values())) == len(names.pairs), section
    assert len(set(SECTION_NAMES.values())) == len(SECTION_NAMES) == 9


def test_changed_fields_are_sorted_in_the_contracts_words() -> None:
    op = Op(
        section="agent",
        action="update",
        before={},
        after={},
        changed_fields=("behavior", "model_settings", "open.zeta", "requires_auth"),
    )
    assert wire.show_op(op)["changedFields"] == ["aiConfig", "behavior", "requireAuth", "zeta"]


@pytest.mark.parametrize("spelling", ["maxOutputTokens", "max_tokens", "maxTokens"])
def test_other_spellings_mean_the_same(spelling: str) -> None:
    assert wire.read_section("agent", {"aiConfig": {spelling: 5}}) == {"model_settings": {"max_output_tokens": 5}}
    with pytest.raises(InvalidRequest):
        wire.read_section("agent", {"aiConfig": {spelling: 5, "max_output_tokens": 6}})


@pytest.mark.parametrize(
    ("header", "version"), [(None, None), ("*", None), ('"v12"', 12), ('W/"v12"', -1), ("v12", -1), ('"x"', -1)]
)
def test_only_our_own_tags_match(header: str | None, version: int | None) -> None:
    assert wire.read_etag(header) == version
