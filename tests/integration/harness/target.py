"""The target from the tests' side: tables, positions and dead letters, in PostgreSQL and SQLite."""

import pathlib
import sqlite3

import psycopg
from psycopg import sql

from .waiting import await_

LETTER_COLUMNS = ["topic", "partition", "offset", "key", "value", "headers", "code", "sqlstate",
                  "detail", "target_table"]


class Target:
    """What both kinds of target know by their positions."""

    def await_positions(self, topic: str, wanted: dict[int, int], deadline_s: float = 60, alive=None) -> None:
        def reached():
            have = self.positions(topic)
            return all(have.get(p, -1) >= o for p, o in wanted.items() if o > 0)
        await_(reached, deadline_s,
               lambda: f"positions of {topic}: wanted {wanted}, have {self.positions(topic)}", alive)
        have = self.positions(topic)
        beyond = {p: o for p, o in have.items() if o > wanted.get(p, o)}
        assert not beyond, f"positions of {topic} beyond the end: {beyond}, ends {wanted}"

    def await_loaded(self, streams, topic: str, deadline_s: float = 60, alive=None) -> None:
        """Waits until every partition of the topic is loaded to the end that it has now."""
        self.await_positions(topic, streams.ends(topic), deadline_s, alive)


class PgTarget(Target):
    """One database. Every question is its own transaction, so a test never holds a lock by accident."""

    def __init__(self, url: str):
        self.url = url
        self._link: psycopg.Connection | None = None

    @property
    def link(self) -> psycopg.Connection:
        if self._link is None or self._link.closed:
            self._link = psycopg.connect(self.url, autocommit=True, connect_timeout=10)
        return self._link

    def close(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None

    def connect(self) -> psycopg.Connection:
        """A connection of the test's own, for locks and open transactions."""
        return psycopg.connect(self.url, connect_timeout=10)

    def run(self, statement: str, *args) -> None:
        self.link.execute(statement, args or None)

    def query(self, statement: str, *args) -> list[tuple]:
        """The rows; none where the table or schema does not exist (yet), or the server is away."""
        try:
            return self.link.execute(statement, args or None).fetchall()
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            return []
        except psycopg.OperationalError:
            self.close()
            return []

    def value(self, statement: str, *args):
        rows = self.query(statement, *args)
        return rows[0][0] if rows else None

    def rows(self, table: str, columns: list[str], schema: str = "public") -> list[tuple]:
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        text = sql.SQL("SELECT {} FROM {}").format(names, sql.Identifier(schema, table))
        return self.query(text.as_string(None))

    def count(self, table: str) -> int:
        text = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("public", table))
        return self.value(text.as_string(None)) or 0

    def exists(self, table: str, schema: str = "public") -> bool:
        return bool(self.query("SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = %s", schema, table))

    def positions(self, topic: str) -> dict[int, int]:
        """The next offset of each partition; with slots, that up to which all have loaded."""
        return dict(self.query("SELECT partition, min(next_offset) FROM millrace.positions "
                               "WHERE topic = %s GROUP BY partition", topic))

    def epochs(self, topic: str) -> dict[int, int]:
        return dict(self.query("SELECT partition, max(epoch) FROM millrace.positions "
                               "WHERE topic = %s GROUP BY partition", topic))

    def owners(self, topic: str) -> dict[int, str]:
        return dict(self.query("SELECT partition, max(owner::text) FROM millrace.positions "
                               "WHERE topic = %s GROUP BY partition", topic))

    def letters(self, topic: str) -> list[dict]:
        found = self.query('SELECT topic, partition, "offset", key, value, headers, code, sqlstate, detail, '
                           'target_table FROM millrace.dead_letters WHERE topic = %s '
                           'ORDER BY partition, "offset"', topic)
        return [dict(zip(LETTER_COLUMNS, row)) for row in found]

    def codes(self, topic: str) -> list[tuple[int, str]]:
        """(offset, code) of each dead letter."""
        return [(letter["offset"], letter["code"]) for letter in self.letters(topic)]

    def backends(self, condition: str = "true") -> list[tuple]:
        """(pid, state, wait_event_type, query) of this database's other sessions."""
        return self.query("SELECT pid, state, wait_event_type, query FROM pg_stat_activity WHERE datname = "
                          f"current_database() AND pid <> pg_backend_pid() AND {condition}")


class SqliteTarget(Target):
    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.url = f"sqlite:{self.path}"

    def query(self, statement: str, *args) -> list[tuple]:
        if not self.path.exists():
            return []
        link = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=10)
        try:
            return link.execute(statement, args).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise
        finally:
            link.close()

    def rows(self, table: str, columns: list[str]) -> list[tuple]:
        names = ", ".join('"' + c.replace('"', '""') + '"' for c in columns)
        return self.query(f'SELECT {names} FROM "{table}"')

    def positions(self, topic: str) -> dict[int, int]:
        return dict(self.query("SELECT partition, min(next_offset) FROM millrace_positions "
                               "WHERE topic = ? GROUP BY partition", topic))

    def codes(self, topic: str) -> list[tuple[int, str]]:
        return self.query('SELECT "offset", code FROM millrace_dead_letters WHERE topic = ? '
                          'ORDER BY partition, "offset"', topic)

    def letters(self, topic: str) -> list[tuple]:
        return self.codes(topic)

    def count(self, table: str) -> int:
        found = self.query(f'SELECT count(*) FROM "{table}"')
        return found[0][0] if found else 0
