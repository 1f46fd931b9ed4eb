"""The first schema: everything the first release stores."""

from alembic import op

from trivium.adapters.sql.schema import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table."""
    metadata.create_all(op.get_bind())
