"""Signatures after the Standard Webhooks scheme, and the secrets they are made with."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from trivium.core.model.deliveries import SigningSecret
from trivium.core.model.ids import new_id
from trivium.core.ports import Clock, Seal, Store, Transaction

_PREFIX = "whsec_"
_OVERLAP_S = 86_400.0


def new_secret() -> str:
    """Return a secret of 32 random bytes in the form that the libraries of Standard Webhooks take."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signature_headers(delivery_id: str, at: datetime, body: str, keys: Sequence[str]) -> dict[str, str]:
    """Return the three headers, with one signature per valid secret (standardwebhooks.com, "Signature scheme")."""
    timestamp = str(int(at.timestamp()))
    signed = f"{delivery_id}.{timestamp}.{body}".encode()
    signatures = []
    for key in keys:
        digest = hmac.new(base64.b64decode(key.removeprefix(_PREFIX)), signed, hashlib.sha256).digest()
        signatures.append(f"v1,{base64.b64encode(digest).decode()}")
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }


class SigningSecrets:
    """The secrets of a webhook, or of an organization's callbacks; made when they are first needed."""

    def __init__(self, *, store: Store, clock: Clock, seal: Seal) -> None:
        self._store = store
        self._clock = clock
        self._seal = seal

    async def valid(self, organization_id: str, owner_id: str) -> list[str]:
        """Return the secrets to sign with, newest first; at most two."""
        now = self._clock.now()
        found = [
            one for one in await self._find(organization_id, owner_id) if one.expires_at is None or one.expires_at > now
        ]
        if not found:
            return [await self.rotate(organization_id, owner_id)]
        return [self._seal.open(one.sealed, _context(one.id)) for one in found[:2]]

    async def rotate(self, organization_id: str, owner_id: str, *, overlap_s: float = _OVERLAP_S) -> str:
        """Return a new secret; the one before it goes on signing for a day, older ones end now."""
        now = self._clock.now()
        plain, secret_id = new_secret(), new_id("sec")
        made = SigningSecret(
            id=secret_id,
            organization_id=organization_id,
            owner_id=owner_id,
            sealed=self._seal.close(plain, _context(secret_id)),
            created_at=now,
        )

        def unit(tx: Transaction) -> None:
            for older in tx.signing_secrets.find(organization_id, owner_id=owner_id):
                if older.expires_at is None and overlap_s > 0:
                    tx.signing_secrets.put(replace(older, expires_at=now + timedelta(seconds=overlap_s)))
                else:
                    tx.signing_secrets.remove(organization_id, older.id)
            tx.signing_secrets.add(made)

        await self._store.write(unit)
        return plain

    async def _find(self, organization_id: str, owner_id: str) -> list[SigningSecret]:
        return await self._store.read(
            lambda tx: tx.signing_secrets.find(organization_id, owner_id=owner_id, newest_first=True)
        )


def _context(secret_id: str) -> str:
    return f"signing_secrets/{secret_id}"
