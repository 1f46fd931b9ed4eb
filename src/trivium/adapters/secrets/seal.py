"""Secrets at rest with AES-256-GCM."""

import base64
import binascii
import os
from functools import cached_property
from typing import TYPE_CHECKING

from trivium.adapters.secrets.keyring import Keyring
from trivium.core.errors import InvalidRequest

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = "s1"
_NONCE_BYTES = 12


class AesSeal:
    """See `core.ports.Seal`. A sealed text is `s1.<key id>.<nonce and ciphertext>`; the context is associated data."""

    def __init__(self, keyring: Keyring) -> None:
        self._current_id = keyring.current_id
        self._keys = keyring.derive("seal")

    def close(self, plain: str, context: str) -> str:
        """Return the sealed text; sealing the same text again gives another one."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._current_id].encrypt(nonce, plain.encode(), self._bound(self._current_id, context))
        return f"{_VERSION}.{self._current_id}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, context: str) -> str:
        """Return the plain text; InvalidRequest when it was sealed for another context, changed, or its key is gone."""
        from cryptography.exceptions import InvalidTag

        version, _, rest = sealed.partition(".")
        key_id, _, body = rest.partition(".")
        cipher = self._ciphers.get(key_id)
        if version != _VERSION or cipher is None:
            raise InvalidRequest("A stored secret was sealed with a key that is not here.", code="seal_key_missing")
        try:
            data = base64.b64decode(body, altchars=b"-_", validate=True)
            plain = cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], self._bound(key_id, context))
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise InvalidRequest("A stored secret cannot be opened here.", code="seal_broken") from error
        return plain.decode()

    @cached_property
    def _ciphers(self) -> "dict[str, AESGCM]":
        # Imported with the first secret: it takes 5 MB that an idle server does not need.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return {key_id: AESGCM(key) for key_id, key in self._keys.items()}

    @staticmethod
    def _bound(key_id: str, context: str) -> bytes:
        return f"{_VERSION}.{key_id}.{context}".encode()
