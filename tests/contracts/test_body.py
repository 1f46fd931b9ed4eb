"""The strict reader: what is refused, what comes through unchanged, what it asks of content types."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.contracts.body import DEPTH_MAX, UnsupportedMediaType, check_content_type, decode_json
from trivium.core.errors import InvalidRequest, LimitExceeded

REFUSED = {
    "empty": b"",
    "no JSON": b"hello",
    "cut": b'{"a": [1, 2',
    "rest": b'{"a": 1} {"b": 2}',
    "trailing comma": b'{"a": 1,}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "number without end": b'{"a": 1e999}',
    "huge integer": b'{"a": 123456789012345678901234567890}',
    "huge integer in a list": b"[1, [18446744073709551616]]",
    "integer of 5000 digits": b'{"a": 1' + b"0" * 5000 + b"}",
    "lone high surrogate": b'{"a": "\\ud800"}',
    "lone low surrogate": b'{"a": "\\udc00x"}',
    "encoded surrogate": b'"\xed\xa0\x80"',
    "invalid UTF-8": b'{"a": "\xff\xfe"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "repeated key": b'{"a": 1, "a": 2}',
    "repeated key, spelled apart": b'{"a": 1, "\\u0061" : 2}',
    "repeated key deep down": b'[{"x": [{"a": 1,\n"a"\n: 2}]}]',
    "deep lists": b"[" * 500 + b"]" * 500,
    "bottomless lists": b"[" * 200_000,
    "deep objects": b'{"a":' * 500 + b"1" + b"}" * 500,
    "control character": b'{"a": "\x01"}',
}


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_strict_json_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidRequest) as refused:
        decode_json(raw)
    assert refused.value.code == "invalid_json"
    assert len(refused.value.message) < 200


def test_too_many_values_are_refused_before_they_are_decoded() -> None:
    with pytest.raises(LimitExceeded) as refused:
        decode_json(b"[" + b'{"a":1},' * 200_000 + b"1]")
    assert refused.value.is_size


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(value=json_values, escapes=st.booleans(), indent=st.sampled_from([None, 2]))
def test_strict_json_is_read_as_it_was_written(value: object, escapes: bool, indent: int | None) -> None:
    raw = json.dumps(value, ensure_ascii=escapes, indent=indent).encode()
    assert decode_json(raw) == value


@given(key=st.text(), other=st.text())
def test_no_repeated_key_slips_through(key: str, other: str) -> None:
    name = json.dumps(key)
    raw = f'{{{name}: {json.dumps(other)}, "inner": [{{{name}:1, {name} :2}}]}}'.encode()
    with pytest.raises(InvalidRequest):
        decode_json(raw)


def test_depth_up_to_the_limit_is_accepted() -> None:
    assert decode_json(b"[" * DEPTH_MAX + b"]" * DEPTH_MAX)
    with pytest.raises(InvalidRequest):
        decode_json(b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1))


@pytest.mark.parametrize(
    "content_type",
    [None, "application/json", "Application/JSON; charset=UTF-8", "application/cloudevents+json; charset=utf-8"],
)
def test_json_types_are_taken(content_type: str | None) -> None:
    check_content_type(content_type)


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        ("text/plain", None),
        ("application/x-www-form-urlencoded", None),
        ("", None),
        ("application/json; charset=latin-1", None),
        ("text/x+json", None),
        ("application/json", "gzip"),
    ],
)
def test_other_types_are_refused(content_type: str, encoding: str | None) -> None:
    with pytest.raises(UnsupportedMediaType):
        check_content_type(content_type, encoding)
