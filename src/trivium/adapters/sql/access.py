"""Organizations, people and keys."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, select, update

from trivium.adapters.sql import schema
from trivium.adapters.sql.codec import to_micros
from trivium.adapters.sql.records import Session, SqlRecords
from trivium.adapters.sql.statements import Prepared
from trivium.core.errors import NotFound
from trivium.core.model.access import ApiKey
from trivium.core.model.organizations import Membership, Organization, User

_ALL = Prepared(select(*schema.organizations.c).order_by(schema.organizations.c.id).limit(bindparam("b_limit")))
_KEY_BY_HASH = Prepared(select(*schema.keys.c).where(schema.keys.c.secret_hash == bindparam("b_hash")))
_KEY_BY_ID = Prepared(select(*schema.keys.c).where(schema.keys.c.id == bindparam("b_id")))
_KEYS = Prepared(select(*schema.keys.c).order_by(schema.keys.c.id).limit(bindparam("b_limit")))
_KEY_TOUCH = Prepared(
    update(schema.keys).where(schema.keys.c.id == bindparam("b_id")).values(last_used_at=bindparam("b_at"))
)
_KEYS_OF_USER_END = Prepared(
    update(schema.keys)
    .where(schema.keys.c.user_id == bindparam("b_user"), schema.keys.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("b_at"))
)
_USER_BY_EMAIL = Prepared(select(*schema.users.c).where(schema.users.c.email == bindparam("b_email")))
_USER_BY_ID = Prepared(select(*schema.users.c).where(schema.users.c.id == bindparam("b_id")))
_USER_ADD = Prepared(schema.users.insert().values({column.name: bindparam(column.name) for column in schema.users.c}))
_USER_PUT = Prepared(
    update(schema.users)
    .where(schema.users.c.id == bindparam("b_id"))
    .values({column.name: bindparam(column.name) for column in schema.users.c if column.name != "id"})
)
_MEMBERSHIPS = Prepared(
    select(*schema.memberships.c)
    .where(schema.memberships.c.user_id == bindparam("b_user"))
    .order_by(schema.memberships.c.id)
)
_EMAILS = Prepared(
    select(schema.users.c.id, schema.users.c.email)
    .join(schema.memberships, schema.memberships.c.user_id == schema.users.c.id)
    .where(schema.memberships.c.organization_id == bindparam("b_organization"))
)


class SqlOrganizations(SqlRecords[Organization]):
    """Organizations own themselves: their id is the organization id of the generic queries."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, schema.organizations, "organization", owner_column="id")

    def all(self, *, limit: int = 1000) -> list[Organization]:
        """Return every organization, oldest first."""
        return [self._codec.from_row(row) for row in self._session.run(_ALL, {"b_limit": limit}).fetchall()]


class SqlKeys(SqlRecords[ApiKey]):
    """See `core.ports.store.Keys`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, schema.keys, "key")

    def by_hash(self, secret_hash: str) -> ApiKey | None:
        """Return the key with this hash, whatever its state."""
        row = self._session.run(_KEY_BY_HASH, {"b_hash": secret_hash}).fetchone()
        return None if row is None else self._codec.from_row(row)

    def by_id(self, key_id: str) -> ApiKey | None:
        """Return a key of any organization."""
        row = self._session.run(_KEY_BY_ID, {"b_id": key_id}).fetchone()
        return None if row is None else self._codec.from_row(row)

    def all(self, *, limit: int = 1000) -> list[ApiKey]:
        """Return the keys of every organization, oldest first."""
        return [self._codec.from_row(row) for row in self._session.run(_KEYS, {"b_limit": limit}).fetchall()]

    def touch(self, key_ids: Sequence[str], at: datetime) -> None:
        """Note that these keys were used."""
        rows = [{"b_id": key_id, "b_at": to_micros(at)} for key_id in key_ids]
        self._session.run_many(_KEY_TOUCH, rows)

    def revoke_of_user(self, user_id: str, at: datetime) -> None:
        """End all that stand for this person, in every organization."""
        self._session.run(_KEYS_OF_USER_END, {"b_user": user_id, "b_at": to_micros(at)})


class SqlUsers:
    """See `core.ports.store.Users`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._codec = schema.codecs["users"]

    def add(self, user: User) -> None:
        """Insert; Conflict when the e-mail is taken."""
        self._session.run(_USER_ADD, self._codec.to_row(user))

    def by_email(self, email: str) -> User | None:
        """Return the user with this address; addresses are stored in lower case."""
        return self._one(_USER_BY_EMAIL, {"b_email": email.lower()})

    def by_id(self, user_id: str) -> User | None:
        """Return the user, or None."""
        return self._one(_USER_BY_ID, {"b_id": user_id})

    def put(self, user: User) -> None:
        """Replace by id; see the port."""
        row = self._codec.to_row(user)
        row["b_id"] = row["id"]
        if self._session.run(_USER_PUT, row).rowcount != 1:
            raise NotFound("user", user.id)

    def memberships(self, user_id: str) -> list[Membership]:
        """Return the user's memberships, oldest first."""
        codec = schema.codecs["memberships"]
        return [codec.from_row(row) for row in self._session.run(_MEMBERSHIPS, {"b_user": user_id}).fetchall()]

    def emails(self, organization_id: str) -> dict[str, str]:
        """Return the addresses of an organization's people by their ids."""
        rows = self._session.run(_EMAILS, {"b_organization": organization_id}).fetchall()
        return {str(user_id): str(email) for user_id, email in rows}

    def _one(self, statement: Prepared, values: dict[str, str]) -> User | None:
        row = self._session.run(statement, values).fetchone()
        return None if row is None else self._codec.from_row(row)
