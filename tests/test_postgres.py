"""The PostgreSQL of the tests is one that the scaled setup can use."""

import psycopg


def test_database_is_empty_and_knows_vectors(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert tables.fetchone() == (0,)
        connection.execute("CREATE EXTENSION vector")
        distance = connection.execute("SELECT '[1,0]'::vector <=> '[1,0]'::vector")
        assert distance.fetchone() == (0.0,)
