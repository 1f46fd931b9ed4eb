"""`trivium migrate`."""

from trivium.adapters.sql.migrate import HEAD
from trivium.cli._options import NOTHING, Common
from trivium.cli._output import show_record
from trivium.cli.start import migrate_folder


def migrate(*, common: Common = NOTHING) -> None:
    """Bring the database to the current schema, making the data folder if it is missing. Safe to repeat.

    `serve` and `demo` do this by themselves.

    Example: trivium migrate --data /srv/trivium
    """
    settings = common.settings()
    changed = migrate_folder(settings)
    place = "PostgreSQL" if settings.database_url else str(settings.database_path)
    text = f"Schema {HEAD}, {'migrated' if changed else 'current already'}: {place}"
    record = {"schema": HEAD, "changed": changed, "database": place, "text": text}
    show_record(record, form=common.form, main="text")
