"""Secrets: signed tokens, password hashes, values sealed at rest, and the file of keys behind them."""

from trivium.adapters.secrets.keyring import Keyring, open_keyring
from trivium.adapters.secrets.passwords import Argon2Passwords
from trivium.adapters.secrets.seal import AesSeal
from trivium.adapters.secrets.tokens import JwtTokens

__all__ = ["AesSeal", "Argon2Passwords", "JwtTokens", "Keyring", "open_keyring"]
