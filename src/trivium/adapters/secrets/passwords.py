"""Password hashes with Argon2id."""

import os

# The first choice of the OWASP password storage cheat sheet (19 MiB, 2 passes, 1 lane).
_MEMORY_KIB = 19_456
_ITERATIONS = 2
_LANES = 1
_SALT_BYTES = 16
_HASH_BYTES = 32


class Argon2Passwords:
    """See `core.ports.Passwords`. A hash is a PHC string and carries its own cost, so the cost may be raised later.

    The library is imported with the first password: it takes 5 MB that most processes never need.
    """

    def hash(self, password: str) -> str:
        """Return a salted hash. Takes tens of milliseconds and 19 MiB."""
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

        algorithm = Argon2id(
            salt=os.urandom(_SALT_BYTES),
            length=_HASH_BYTES,
            iterations=_ITERATIONS,
            lanes=_LANES,
            memory_cost=_MEMORY_KIB,
        )
        return algorithm.derive_phc_encoded(password.encode("utf-8", "surrogatepass"))

    def verify(self, password_hash: str, password: str) -> bool:
        """True when it matches; false for a hash that is none."""
        from cryptography.exceptions import InvalidKey
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

        try:
            Argon2id.verify_phc_encoded(password.encode("utf-8", "surrogatepass"), password_hash)
        except (InvalidKey, ValueError):
            return False
        return True
