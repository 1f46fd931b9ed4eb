"""The key file: root keys by id, the newest first, from which every other key is derived."""

import base64
import contextlib
import hmac
import json
import os
import secrets
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

_KEY_BYTES = 32
_FILE_SIZE_MAX = 65_536


@dataclass(frozen=True)
class Keyring:
    """Root keys by id. The first makes new secrets; the others still open what was made before a rotation."""

    roots: dict[str, bytes] = field(repr=False)

    @property
    def current_id(self) -> str:
        """The id of the key that makes new secrets."""
        return next(iter(self.roots))

    def derive(self, purpose: str) -> dict[str, bytes]:
        """Return a 32-byte key per root key, for this purpose only: one use of a key tells nothing about another."""
        # HKDF-Expand for one block (RFC 5869, 2.3); the roots are uniformly random, so there is nothing to extract.
        info = f"trivium {purpose}".encode() + b"\x01"
        return {key_id: hmac.digest(root, info, "sha256") for key_id, root in self.roots.items()}


def open_keyring(path: Path) -> Keyring:
    """Return the keys in a file, which is made (mode 0600) when it is missing; ValueError when it cannot be used.

    Blocking. Two processes that start at once agree on one file.
    """
    if not path.exists():
        _create(path)
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise ValueError(f"{path} may be read by others (mode {mode:04o}). Run: chmod 600 {path}")
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(_FILE_SIZE_MAX))
        roots = {str(item["id"]): base64.b64decode(item["key"], validate=True) for item in content["keys"]}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no key file. Restore it from a backup.") from error
    if not roots or any(len(root) != _KEY_BYTES for root in roots.values()):
        raise ValueError(f"{path} holds no usable key. Restore it from a backup.")
    return Keyring(roots)


def _create(path: Path) -> None:
    key = {"id": secrets.token_hex(4), "key": base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()}
    text = json.dumps(
        {"about": "Without this file no stored secret can be opened. Keep it out of sight.", "keys": [key]}
    )
    # Written whole beside the place and then linked to it: nobody sees half a file, and the first of two wins.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()
