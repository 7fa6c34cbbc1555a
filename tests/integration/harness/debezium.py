"""A real source: PostgreSQL behind Debezium's connector, and the comparison of its tables with a target's.

    source = Source(server, connect, "shop")     # a database and a topic prefix of that name
    source.run("CREATE TABLE ...")
    source.connect({"interval.handling.mode": "string"})
    source.run("INSERT ...")
    source.settle()                              # every change up to here stands in Kafka
    compare(source, target, "t", columns)
"""

import collections
import dataclasses

import psycopg
from psycopg import sql
from stack import Connect, Postgres
from stack.connect import POSTGRES

from .pg_types import Column
from .target import PgTarget
from .waiting import await_

SETTLE_S = 120
TEXT_FORM = "-c timezone=UTC -c datestyle=ISO,YMD -c intervalstyle=postgres -c extra_float_digits=1"
SETTINGS = {"fsync": "off", "wal_level": "logical", "max_wal_senders": "20", "max_replication_slots": "20"}


class Source:
    """One source database with one connector, both named by `name`."""

    def __init__(self, server: Postgres, connect: Connect, name: str):
        self.server = server
        self.worker = connect
        self.name = name
        self.url = server.create_database(name)
        self.link = psycopg.connect(self.url, autocommit=True, options=TEXT_FORM)
        self.run("CREATE SCHEMA aside; CREATE TABLE aside.marker (id serial PRIMARY KEY); CREATE TABLE aside.signals "
                 "(id text PRIMARY KEY, type text, data text)")

    def run(self, statement: str, *args) -> None:
        self.link.execute(statement, args or None)

    def query(self, statement: str, *args) -> list[tuple]:
        return self.link.execute(statement, args or None).fetchall()

    def topic(self, table: str) -> str:
        return f"{self.name}.public.{table}"

    def connect(self, settings: dict[str, str]) -> None:
        self.worker.create(self.name, {
            "connector.class": POSTGRES,
            "database.hostname": "127.0.0.1", "database.port": str(self.server.port),
            "database.user": "postgres", "database.password": "none", "database.dbname": self.name,
            "topic.prefix": self.name, "slot.name": self.name, "publication.name": self.name,
            "plugin.name": "pgoutput", "topic.creation.default.partitions": "1",
            "topic.creation.default.replication.factor": "1", "poll.interval.ms": "50",
            "signal.data.collection": "aside.signals", "incremental.snapshot.chunk.size": "50",
            **settings})

    def settle(self) -> None:
        """Waits until Kafka has acknowledged all that was committed before: the connector confirms to its slot
        only what was delivered. Markers give it something to confirm."""
        (wanted,), = self.query("SELECT pg_current_wal_insert_lsn()")

        def confirmed():
            self.run("INSERT INTO aside.marker DEFAULT VALUES")
            return self.query("SELECT 1 FROM pg_replication_slots WHERE slot_name = %s "
                              "AND confirmed_flush_lsn >= %s::pg_lsn", self.name, wanted)
        await_(confirmed, SETTLE_S, f"the slot of {self.name} at {wanted}", lambda: self.worker.states(self.name),
               step_s=0.2)

    def end(self) -> None:
        """Takes the connector away, and the slot that would keep the server's log."""
        self.worker.remove(self.name)
        self.link.close()

        def dropped():
            self.server.sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
                            f"WHERE slot_name = '{self.name}' AND NOT active")
            return not self.server.sql(f"SELECT 1 FROM pg_replication_slots WHERE slot_name = '{self.name}'")
        await_(dropped, 30, f"slot {self.name} dropped", step_s=0.2)


# -- comparison
@dataclasses.dataclass
class Compared:
    """One table, both sides. `unequal`: column -> [(row id, source's text, target's text)]."""

    columns: int
    lost_rows: list
    extra_rows: list
    unequal: dict[str, list[tuple]]
    types: dict[str, str]

    def report(self, limit: int = 4) -> str:
        lines = [f"rows missing {self.lost_rows[:9]}, rows too many {self.extra_rows[:9]}"] \
            if self.lost_rows or self.extra_rows else []
        for name, cells in self.unequal.items():
            lines += [f"{name} ({self.types.get(name, 'absent')}) row {i}: source {a!r:.120} target {b!r:.120}"
                      for i, a, b in cells[:limit]]
        return "\n".join(lines)


def column_types(link, table: str) -> dict[str, str]:
    rows = link.execute("SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = "
                        "%s::regclass AND attnum > 0 AND NOT attisdropped", (f'public."{table}"',)).fetchall()
    return dict(rows)


def columns_of(link, table: str) -> list[Column]:
    """The columns of a table as it is now."""
    return [Column(kind, (), name) for name, kind in column_types(link, table).items()]


def texts(link, table: str, column: str, key: str) -> dict:
    statement = sql.SQL("SELECT ({})::text, {}::text FROM {}").format(
        sql.SQL(key), sql.Identifier(column), sql.Identifier("public", table))
    return dict(link.execute(statement).fetchall())


def multiset(link, table: str, names: list[str]) -> collections.Counter:
    """The rows of a table without a key, as texts."""
    statement = sql.SQL("SELECT {} FROM {}").format(
        sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in names),
        sql.Identifier("public", table))
    return collections.Counter(link.execute(statement).fetchall())


def put_through(link, expression: str, cells: dict) -> dict:
    """Each text through an SQL expression over {c}; one that the server refuses becomes its message."""
    statement = f"SELECT (({expression.replace('{c}', 'v')}))::text FROM (SELECT %s::text AS v) AS t"
    known, done = {}, {}
    for row_id, text in cells.items():
        if text is not None and text not in known:
            try:
                known[text] = link.execute(statement.replace("%", "%%").replace("%%s", "%s"), (text,)).fetchone()[0]
            except psycopg.Error as error:
                known[text] = f"{text} ({str(error).splitlines()[0]})"
        done[row_id] = known.get(text)
    return done


def compare(source: Source, target: PgTarget, table: str, columns: list[Column], key: str = "id") -> Compared:
    """Row by row, column by column, as text; `key` is SQL for a row's identity. A target column of the source's
    own type is compared as it is; one of millrace's default type through the documented cast back."""
    with psycopg.connect(target.url, autocommit=True, options=TEXT_FORM) as link:
        if not target.exists(table):
            return Compared(len(columns), ["all: there is no table"], [], {}, {})
        ours, theirs = column_types(source.link, table), column_types(link, table)
        sides = {}
        for column in columns:
            want = texts(source.link, table, column.name, key)
            have = texts(link, table, column.name, key) if column.name in theirs else {}
            if have and theirs[column.name] != ours[column.name]:
                have = put_through(source.link, column.back or "{c}::" + column.type, have)
                if column.alike:
                    want, have = (put_through(source.link, column.alike, side) for side in (want, have))
            sides[column.name] = want, have
        here, there = (texts(one, table, columns[0].name, key).keys() for one in (source.link, link))
    unequal = {}
    for name, (want, have) in sides.items():
        cells = [(i, text, have.get(i, "absent")) for i, text in want.items()
                 if i in there and have.get(i, "absent") != text]
        if cells:
            unequal[name] = sorted(cells, key=lambda cell: (len(cell[0]), cell[0]))
    return Compared(len(columns), sorted(here - there), sorted(there - here), unequal, theirs)
