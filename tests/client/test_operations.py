"""Every method of every client makes one request, the same in both colours."""

import pytest

from tools.client_calls import operations

ROWS = [
    pytest.param(one, other, id=f"{client}.{one.name}") for client, rows in operations().items() for one, other in rows
]


@pytest.mark.parametrize(("one", "other"), ROWS)
def test_both_colours_ask_for_the_same(one, other) -> None:
    assert one.path.startswith(("/api/", "/core/v1/"))
    if one.name == "chain_async":  # its event has an id and a time of its own
        assert (one.method, one.path) == (other.method, other.path)
        return
    assert (one.method, one.path, one.query, one.body) == (other.method, other.path, other.query, other.body)


def test_every_operation_of_the_contracts_has_a_method() -> None:
    asked = {(one.method, one.path.replace("/x", "/{}")) for rows in operations().values() for one, _ in rows}
    assert {
        ("POST", "/core/v1/chain"),
        ("POST", "/core/v1/chain_streaming"),
        ("POST", "/core/v1/chain_async"),
        ("GET", "/core/v1/sessions/streams/active"),
        ("POST", "/core/v1/tool/execute"),
        ("POST", "/core/v1/memory/observation"),
        ("POST", "/api/chat/agent"),
        ("POST", "/api/v1/flow/{}"),
        ("GET", "/api/v1/knowledge-files/resolve"),
        ("POST", "/api/v1/chatbots/{}/apply"),
        ("POST", "/api/v1/oauth/token"),
    } <= asked
