"""Whatever is sent: the one error body with the right status, never a 500, never a traceback."""

import base64
from collections.abc import Iterator

import pytest

from tests.contracts.site import Site
from tests.contracts.wabee.client import Wabee, wabee
from tests.contracts.wabee.test_access import check_envelope

pytestmark = pytest.mark.server
JSON = {"content-type": "application/json"}
USER = {"role": "user", "content": "hi"}
GOOD = b'{"messages": [{"role": "user", "content": "hi"}]}'


@pytest.fixture(scope="module")
def plant(site: Site) -> Iterator[Wabee]:
    with wabee(site) as opened:
        yield opened


@pytest.mark.parametrize("path", ["/core/v1/chain", "/core/v1/chain_streaming"])
@pytest.mark.parametrize(
    ("raw", "headers", "status"),
    [
        (b"", JSON, 400),
        (b"hello", JSON, 400),
        (b'{"messages": [', JSON, 400),
        (GOOD[:-1] + b', "x": NaN}', JSON, 400),
        (GOOD[:-1] + b', "x": 1e999}', JSON, 400),
        (GOOD[:-1] + b', "stream": true, "stream": false}', JSON, 400),
        (GOOD[:-1] + b', "x": 123456789012345678901234567890}', JSON, 400),
        (b'{"messages": [{"role": "user", "content": "\xff"}]}', JSON, 400),
        (b'{"messages": [{"role": "user", "content": "\\ud800"}]}', JSON, 400),
        (b'{"messages": ' + b"[" * 500 + b"]" * 500 + b"}", JSON, 400),
        (b"[1, 2]", JSON, 422),
        (b'"text"', JSON, 422),
        (b"null", JSON, 422),
        (GOOD, {"content-type": "text/plain"}, 415),
        (GOOD, {"content-type": "application/x-www-form-urlencoded"}, 415),
        (GOOD, {"content-type": "application/json", "content-encoding": "gzip"}, 415),
        (b" " * (64 * 1024 * 1024), JSON, 413),
    ],
)
def test_a_body_that_is_no_use(plant: Wabee, path: str, raw: bytes, headers: dict[str, str], status: int) -> None:
    check_envelope(plant.http.post(path, content=raw, headers=headers), status)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": None},
        {"messages": []},
        {"messages": "hi"},
        {"messages": [{}]},
        {"messages": [{"role": "user"}]},
        {"messages": [{"role": "king", "content": "hi"}]},
        {"messages": [{"role": "user", "content": 5}]},
        {"messages": [{"role": "user", "content": None}]},
        {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
        {"messages": [USER], "data_filter_hints": [{}]},
        {"messages": [USER], "data_filter_hints": "x"},
        {"messages": [USER], "data_filter_hints": [{"tool_name": "a", "filter_key": "b", "filter_value": {"c": 1}}]},
        {"messages": [USER], "auto_memory_retain": "yes"},
        {"messages": [USER], "context_files": "a.txt"},
        {"messages": [USER], "context_files": [1]},
        {"messages": [USER], "budget": {}},
        {"messages": [USER], "budget": {"local_recursion_limit": 0}},
        {"messages": [USER], "budget": {"local_recursion_limit": "5"}},
        {"messages": [USER], "session_id": 5},
    ],
)
def test_a_body_of_another_shape_is_422_with_its_fields(plant: Wabee, body: dict) -> None:
    answer = check_envelope(plant.http.post("/core/v1/chain", json=body), 422)
    assert answer["details"]
    assert {key for error in answer["details"] for key in error} == {"field", "message", "type"}


def test_null_and_unknown_fields_are_taken(plant: Wabee) -> None:
    nothing = {"data_filter_hints": None, "context_files": None, "images": None, "budget": None, "x": {"y": 1}}
    assert plant.http.post("/core/v1/chain", json={"messages": [USER], **nothing}).status_code == 200


def test_a_missing_content_type_is_read_as_json(plant: Wabee) -> None:
    request = plant.http.build_request("POST", "/core/v1/chain", content=GOOD)
    assert "content-type" not in request.headers
    assert plant.http.send(request).status_code == 200


@pytest.mark.parametrize(
    ("images", "where", "why"),
    [
        ("x", "images", "list"),
        ([{"type": "base64", "content": "eA=="}] * 6, "images", "at most 5"),
        ([5], "images[0]", "object"),
        ([{"type": "url", "content": "http://127.0.0.1/x.png"}], "images[0]", "type"),
        ([{"type": "base64"}], "images[0]", "content"),
        ([{"type": "base64", "content": "%%%"}], "images[0]", "not base64"),
        ([{"type": "base64", "content": base64.b64encode(b"no picture").decode()}], "images[0]", ""),
        ([{"type": "base64", "content": "data:image/png,x"}], "images[0]", "data URL"),
        ([{"type": "file_path", "content": "../../etc/passwd"}], "images[0]", "leads out"),
        ([{"type": "file_path", "content": "/etc/passwd"}], "images[0]", "begin"),
        ([{"type": "file_path", "content": "none.png"}], "images[0]", "not among"),
    ],
)
def test_a_bad_image_is_400_that_says_which_and_why(plant: Wabee, images: object, where: str, why: str) -> None:
    body = {"messages": [USER], "images": images}
    answer = check_envelope(plant.http.post("/core/v1/chain", json=body), 400)
    assert answer["body"].startswith(f"{where}: ")
    assert why in answer["body"]


@pytest.mark.parametrize("path", ["../x.txt", "/etc/passwd", "none.txt", "", "a\0b", "a/../../b"])
def test_a_context_file_outside_or_missing_is_400_that_names_it(plant: Wabee, path: str) -> None:
    body = {"messages": [USER], "context_files": [path]}
    answer = check_envelope(plant.http.post("/core/v1/chain", json=body), 400)
    assert answer["details"]["path"] == path


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/core/v1/chain", 405),
        ("PUT", "/core/v1/chain", 405),
        ("DELETE", "/core/v1/metadata", 405),
        ("POST", "/core/v1/sessions", 405),
        ("PATCH", "/core/v1/sessions/x", 405),
        ("GET", "/core/v1/nothing", 404),
        ("GET", "/core/v1/", 404),
        ("GET", "/core/v1/metadata/", 404),
        ("GET", "/core/v2/metadata", 404),
        ("GET", "/agents/unknown/core/v1/nothing", 404),
        ("GET", "/agents/unknown/core/v1/metadata", 403),
        ("GET", "/core/v1/sessions/unknown", 404),
        ("GET", "/core/v1/sessions/%00%ff", 404),
        ("GET", "/core/v1/sessions/" + "x" * 2000, 404),
        ("GET", "/core/v1/sessions/x'%20OR%201=1--", 404),
        ("DELETE", "/core/v1/sessions/unknown", 404),
        ("GET", "/core/v1/sessions/unknown/trace", 404),
        ("GET", "/core/v1/sessions?limit=0", 422),
        ("GET", "/core/v1/sessions?limit=51", 422),
        ("GET", "/core/v1/sessions?limit=ten", 422),
        ("GET", "/core/v1/sessions?limit=99999999999999999999", 422),
        ("GET", "/core/v1/sessions?before=unknown", 404),
        ("GET", "/core/v1/sessions/x/trace?max_content_length=-1", 422),
    ],
)
def test_a_bad_path_query_or_method(plant: Wabee, method: str, path: str, status: int) -> None:
    check_envelope(plant.http.request(method, path), status)


def test_sizes_of_names_are_bounded(plant: Wabee) -> None:
    check_envelope(plant.ask(headers={"session-id": "x" * 201}), 400)
    many = {f"stix-{number}": "x" for number in range(65)}
    check_envelope(plant.ask(headers=many), 400)
