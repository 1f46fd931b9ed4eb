"""The store on SQLite and PostgreSQL: one schema, one set of statements."""
