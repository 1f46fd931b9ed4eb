"""Keys, seals, tokens and password hashes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.adapters.secrets import AesSeal, Argon2Passwords, JwtTokens, Keyring, open_keyring
from trivium.core.errors import InvalidRequest, NotAuthenticated

RING = Keyring({"k1": bytes(range(32))})


class Clock:
    """A time that a test sets."""

    at = datetime(2026, 11, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


def test_the_key_file_is_made_once_and_for_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "secret.keys"
    first = open_keyring(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert open_keyring(path) == first
    assert list(tmp_path.iterdir()) == [path]
    assert first.roots[first.current_id].hex() not in repr(first)


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret.keys"
    open_keyring(path)
    path.chmod(0o644)
    with pytest.raises(ValueError, match="chmod 600"):
        open_keyring(path)


@pytest.mark.parametrize("content", ["", "{}", '{"keys": []}', '{"keys": [{"id": "a", "key": "AAAA"}]}', "[1]"])
def test_a_broken_key_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "secret.keys"
    path.touch(mode=0o600)
    path.write_text(content)
    with pytest.raises(ValueError, match="Restore it from a backup"):
        open_keyring(path)


@given(plain=st.text(max_size=200), context=st.text(max_size=50), other=st.text(max_size=50))
def test_a_sealed_text_opens_only_where_it_was_sealed(plain: str, context: str, other: str) -> None:
    plain, context, other = (text.encode("utf-8", "ignore").decode() for text in (plain, context, other))
    seal = AesSeal(RING)
    sealed = seal.close(plain, context)
    assert seal.open(sealed, context) == plain
    if other != context:
        with pytest.raises(InvalidRequest):
            seal.open(sealed, other)


@pytest.mark.parametrize("sealed", ["", "s1", "s1.k1.", "s1.k1.!!!!", "s1.k9.AAAA", "s2.k1.AAAA", "plain text"])
def test_what_was_never_sealed_is_refused(sealed: str) -> None:
    with pytest.raises(InvalidRequest):
        AesSeal(RING).open(sealed, "x")


def test_older_keys_still_open_after_a_rotation() -> None:
    clock = Clock()
    sealed = AesSeal(RING).close("hush", "accounts/1")
    token = JwtTokens(RING, clock).issue({"sub": "u"}, 60)
    rotated = Keyring({"k2": bytes(32), **RING.roots})
    assert AesSeal(rotated).open(sealed, "accounts/1") == "hush"
    assert AesSeal(rotated).close("hush", "accounts/1").startswith("s1.k2.")
    assert JwtTokens(rotated, clock).read(token)["sub"] == "u"


def test_a_token_ends_at_its_time() -> None:
    clock = Clock()
    tokens = JwtTokens(RING, clock)
    token = tokens.issue({"sub": "u", "org": "o"}, 60)
    assert tokens.read(token)["org"] == "o"
    clock.at += timedelta(seconds=60)
    with pytest.raises(NotAuthenticated) as caught:
        tokens.read(token)
    assert caught.value.code == "expired_token"


def forged(**changes: object) -> str:
    """Return a token that is ours but for what is named."""
    options: dict[str, object] = {"key": RING.derive("tokens")["k1"], "alg": "HS256", "kid": "k1", "iss": "trivium"}
    options |= {"exp": 4e9, **changes}
    claims = {name: options[name] for name in ("iss", "exp") if options[name] is not None}
    return jwt.encode(
        {**claims, "iat": 0, "sub": "u"},
        options["key"],  # type: ignore[arg-type]
        str(options["alg"]),
        headers={"kid": options["kid"]},
    )


def test_only_our_own_tokens_are_read() -> None:
    tokens = JwtTokens(RING, Clock())
    assert tokens.read(forged())["sub"] == "u"
    for changes in (
        {"alg": "none", "key": ""},
        {"key": b"another key of thirty-two bytes.."},
        {"kid": "k9"},
        {"iss": "somebody"},
        {"exp": None},
        {"exp": "never"},
    ):
        with pytest.raises(NotAuthenticated):
            tokens.read(forged(**changes))


def test_a_password_matches_only_itself() -> None:
    passwords = Argon2Passwords()
    stored = passwords.hash("pässword 1")
    assert stored.startswith("$argon2id$")
    assert stored != passwords.hash("pässword 1")
    assert passwords.verify(stored, "pässword 1")
    assert not passwords.verify(stored, "password 1")
    assert not passwords.verify("no hash", "pässword 1")
