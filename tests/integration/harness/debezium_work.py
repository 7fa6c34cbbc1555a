"""What happens to the tables of a real source: keys of all kinds, TOAST, truncates, DDL in flight, random changes.

`snapshot` fills the tables before the connector looks at them; `changes` is their life afterwards, by a seed
that is printed (MILLRACE_SEED repeats it).
"""

import dataclasses
import os
import random

from .debezium import Source
from .pg_types import quoted

BIG = 6000          # octets: beyond the 2 kB from which a value is moved out of its row
KEYS = 40
EXTERNAL = "ALTER TABLE {0} ALTER {1} SET STORAGE EXTERNAL"


@dataclasses.dataclass(frozen=True)
class Table:
    """ddl        at the source
    target      at a target of the same types, where that is not the same statement
    key         SQL for a row's identity; "" without a key: rows are compared as a multiset
    route       more settings of its route
    """

    ddl: tuple[str, ...]
    target: str = ""
    key: str = "id"
    route: dict = dataclasses.field(default_factory=dict)


def toasted(name: str, identity: str = "DEFAULT") -> tuple[str, ...]:
    columns = "id int PRIMARY KEY, small text, t text, b bytea, j jsonb, x xml, a text[], i int[], l bigint[], d date[]"
    return (f"CREATE TABLE {name} ({columns})", f"ALTER TABLE {name} REPLICA IDENTITY {identity}",
            *(EXTERNAL.format(name, c) for c in "tbjxaild"))


TABLES = {
    "toast": Table(toasted("toast")),
    "toast_full": Table(toasted("toast_full", "FULL")),
    "toast_key": Table(toasted("toast_key")),
    "toast_null": Table(("CREATE TABLE toast_null (id int PRIMARY KEY, small text, f float8[], n numeric[])",
                         EXTERNAL.format("toast_null", "f"), EXTERNAL.format("toast_null", "n")),
                        route={"unavailable_null_columns": ["f", "n"]}),
    "composite": Table(("CREATE TABLE composite (a int, b text, c numeric(8,2), v text, PRIMARY KEY (a, b))",),
                       key="(a, b)"),
    "indexed": Table(("CREATE TABLE indexed (id int NOT NULL, code text NOT NULL UNIQUE, v text)",
                      "ALTER TABLE indexed REPLICA IDENTITY USING INDEX indexed_code_key"),
                     target="CREATE TABLE indexed (id int, code text PRIMARY KEY, v text)", key="code"),
    # A primary key beside another identity: a delete's key would be a filler (0); CONNECTOR mends that.
    "indexed_key": Table(("CREATE TABLE indexed_key (id int PRIMARY KEY, code text NOT NULL UNIQUE, v text)",
                          "ALTER TABLE indexed_key REPLICA IDENTITY USING INDEX indexed_key_code_key"),
                         target="CREATE TABLE indexed_key (id int, code text PRIMARY KEY, v text)", key="code"),
    "keyless": Table(("CREATE TABLE keyless (v text, n int)",), key=""),
    "keyless_full": Table(("CREATE TABLE keyless_full (v text, n int, d timestamptz)",
                           "ALTER TABLE keyless_full REPLICA IDENTITY FULL"), key="",
                          route={"keyless": "match_full"}),
    "truncated": Table(("CREATE TABLE truncated (id int PRIMARY KEY, v text)",)),
    "evolving": Table(("CREATE TABLE evolving (id int PRIMARY KEY, n smallint, s varchar(10), gone text)",)),
    "incremental": Table(("CREATE TABLE incremental (id int PRIMARY KEY, v text, n int)",)),
    "random": Table(("CREATE TABLE random (id int PRIMARY KEY, v text, n numeric(12,3), t text, ts timestamptz, "
                     "f float8)",
                     EXTERNAL.format("random", "t"))),
}


# What the tables ask of their connector: the key of the one above, and truncates, which it leaves out by default.
CONNECTOR = {"message.key.columns": "public.indexed_key:code", "skipped.operations": "none"}


def ddl(is_source: bool) -> list[str]:
    found = []
    for table in TABLES.values():
        found += table.ddl if is_source or not table.target else [table.target]
    return found


def big(rng: random.Random) -> str:
    """Text that does not compress below the limit, of a length of its own."""
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=BIG + rng.randrange(500)))


class Life:
    """One run of statements against the source, with its own random numbers."""

    def __init__(self, source: Source):
        self.seed = int(os.environ.get("MILLRACE_SEED") or random.randrange(1 << 30))
        print(f"\nseed of {source.name}: {self.seed} (MILLRACE_SEED repeats it)")
        self.rng = random.Random(self.seed)
        self.run = source.run
        self.source = source

    def toast_row(self, table: str, key: int) -> str:
        text = quoted(big(self.rng))
        numbers = "ARRAY(SELECT (random() * 1000000)::int FROM generate_series(1, 2000))"
        return (f"INSERT INTO {table} VALUES ({key}, 'first', {text}, {text}::bytea, jsonb_build_object('k', {text}), "
                f"xmlparse(content '<a>' || {text} || '</a>'), ARRAY[{text}, NULL, 'x'], {numbers}, "
                f"{numbers}::bigint[], "
                f"ARRAY(SELECT '2000-01-01'::date + (random() * 9000)::int FROM generate_series(1, 2000)))")

    # -- before the connector
    def snapshot(self) -> None:
        for table in ("toast", "toast_full", "toast_key"):
            for key in range(1, 9):
                self.run(self.toast_row(table, key))
        numbers = "ARRAY(SELECT random() FROM generate_series(1, 2000))"
        self.run(f"INSERT INTO toast_null SELECT k, 'first', {numbers}, {numbers}::numeric[] "
                 "FROM generate_series(1, 4) k")
        self.run("INSERT INTO composite SELECT k % 5, 'k' || k, k / 7.0, 'first' FROM generate_series(1, 20) k")
        for table in ("indexed", "indexed_key"):
            self.run(f"INSERT INTO {table} SELECT k, 'code' || k, 'first' FROM generate_series(1, 10) k")
        self.run("INSERT INTO keyless SELECT 'v' || k % 3, k % 2 FROM generate_series(1, 10) k")
        self.run("INSERT INTO keyless_full SELECT 'v' || k % 3, k % 2, NULL FROM generate_series(1, 10) k")
        self.run("INSERT INTO truncated SELECT k, 'first' FROM generate_series(1, 20) k")
        self.run("INSERT INTO evolving SELECT k, k, 's' || k, 'gone' || k FROM generate_series(1, 20) k")
        self.run("INSERT INTO random SELECT k, 'first', k / 3.0, repeat(md5(k::text), 200), now(), k FROM "
                 f"generate_series(1, {KEYS}, 2) k")
        self.run("INSERT INTO incremental SELECT k, 'v' || k, k FROM generate_series(1, 400) k")

    # -- afterwards
    def changes(self, rounds: int) -> None:
        self.toast("toast")
        self.toast("toast_full")
        self.toast_keys()
        self.run("UPDATE toast_null SET small = 'second' WHERE id <= 2")
        # Not n = NULL: a null that is meant looks like one that says "unchanged" (U-13).
        self.run("UPDATE toast_null SET f = '{1.5}', n = '{2.5}' WHERE id = 3")
        self.keys()
        self.keyless()
        self.truncates()
        self.incremental(rounds)
        for _ in range(rounds):
            self.random_changes()
        self.evolve()

    def toast(self, table: str) -> None:
        self.run(f"UPDATE {table} SET small = 'second' WHERE id <= 4")
        self.run(f"UPDATE {table} SET t = 'short', a = NULL, i = '{{}}' WHERE id = 3")
        self.run(f"UPDATE {table} SET small = 'third', j = '{{}}', d = '{{}}' WHERE id = 4")
        self.run(f"UPDATE {table} SET small = 'fourth' WHERE id IN (3, 4)")
        self.run(self.toast_row(table, 20))
        self.run(f"UPDATE {table} SET small = 'new and changed' WHERE id = 20")
        self.run(f"DELETE FROM {table} WHERE id = 5")
        self.run(self.toast_row(table, 5))
        self.run(f"UPDATE {table} SET small = 'came back' WHERE id = 5")
        self.run(f"BEGIN; DELETE FROM {table} WHERE id = 6; {self.toast_row(table, 6)}; "
                 f"UPDATE {table} SET small = 'in one transaction' WHERE id = 6; COMMIT")

    def toast_keys(self) -> None:
        """Changes of the key with values that do not come again: in one batch, and with one between."""
        self.toast("toast_key")
        self.run("UPDATE toast_key SET id = 101 WHERE id = 1")
        self.run("UPDATE toast_key SET id = 102, small = 'moved' WHERE id = 2")
        self.run("UPDATE toast_key SET id = 202 WHERE id = 102")
        self.run("UPDATE toast_key SET id = id + 1000 WHERE id IN (3, 4)")
        self.source.settle()
        self.run("UPDATE toast_key SET id = 303, t = 'new' WHERE id = 202")
        self.run("UPDATE toast_key SET small = 'after the move' WHERE id IN (101, 303)")

    def keys(self) -> None:
        self.run("UPDATE composite SET v = 'second' WHERE a = 1")
        self.run("UPDATE composite SET a = a + 10 WHERE a = 2")
        self.run("UPDATE composite SET b = b || '!', c = NULL WHERE a = 3")
        self.run("DELETE FROM composite WHERE a = 4")
        self.run("INSERT INTO composite VALUES (4, 'k4', 1.50, 'came back')")
        self.run("BEGIN; UPDATE composite SET a = 99 WHERE (a, b) = (1, 'k1'); INSERT INTO composite VALUES "
                 "(1, 'k1', 2, 'took the place'); UPDATE composite SET a = 98 WHERE a = 99; COMMIT")
        for table in ("indexed", "indexed_key"):
            self.run(f"UPDATE {table} SET v = 'second' WHERE id <= 5")
            self.run(f"UPDATE {table} SET id = id + 100 WHERE id = 6")  # not the identity: no change of the key
            self.run(f"UPDATE {table} SET code = 'other' WHERE id = 7")
            self.run(f"DELETE FROM {table} WHERE id = 8")

    def keyless(self) -> None:
        self.run("INSERT INTO keyless SELECT 'v0', 0 FROM generate_series(1, 3)")
        self.run("INSERT INTO keyless_full SELECT 'v0', 0, '2024-01-01' FROM generate_series(1, 3)")
        self.run("UPDATE keyless_full SET n = 7 WHERE ctid = (SELECT min(ctid) FROM keyless_full WHERE v = 'v1')")
        self.run("DELETE FROM keyless_full WHERE ctid = (SELECT min(ctid) FROM keyless_full WHERE v = 'v2')")
        self.run("UPDATE keyless_full SET d = NULL WHERE d IS NOT NULL AND v = 'v0' AND ctid = (SELECT max(ctid) "
                 "FROM keyless_full)")

    def truncates(self) -> None:
        self.run("UPDATE truncated SET v = 'second'")
        self.run("BEGIN; INSERT INTO truncated VALUES (100, 'x'); TRUNCATE truncated; INSERT INTO truncated VALUES "
                 "(1, 'after'), (200, 'after'); COMMIT")
        self.run("UPDATE truncated SET v = 'third' WHERE id = 1")
        self.run("TRUNCATE truncated; INSERT INTO truncated SELECT k, 'last' FROM generate_series(5, 9) k")
        self.run("DELETE FROM truncated WHERE id = 9")

    def incremental(self, rounds: int) -> None:
        """An incremental snapshot by a signal, while its rows change."""
        self.run("INSERT INTO aside.signals VALUES ('s1', 'execute-snapshot', '{\"data-collections\": "
                 "[\"public.incremental\"], \"type\": \"incremental\"}')")
        for _ in range(rounds * 10):
            key = self.rng.randrange(1, 420)
            self.run(self.rng.choice([
                f"UPDATE incremental SET n = n + 1 WHERE id = {key}",
                f"DELETE FROM incremental WHERE id = {key}",
                f"INSERT INTO incremental VALUES ({key}, 'new', 0) ON CONFLICT (id) DO UPDATE SET v = 'again'"]))

    def random_changes(self) -> None:
        """One transaction of a few statements."""
        rng, statements = self.rng, []
        for _ in range(rng.randrange(1, 6)):
            key, other = rng.randrange(1, KEYS), rng.randrange(1, KEYS)
            text = quoted(big(rng) if rng.random() < 0.5 else "short")
            new = (f"INSERT INTO random VALUES ({key}, {quoted(rng.choice(['', 'a', 'é']))}, "
                   f"{rng.randrange(-9999, 9999)} / 7.0, {text}, now(), 'NaN') "
                   "ON CONFLICT (id) DO UPDATE SET v = EXCLUDED.v || '+', n = NULL")
            statements.append(rng.choice([
                new, new,
                f"UPDATE random SET v = left(v || 'u', 30), f = {rng.random()} WHERE id = {key}",
                f"UPDATE random SET t = {quoted(big(rng))} WHERE id = {key}",
                f"DELETE FROM random WHERE id = {key}",
                f"UPDATE random SET id = {other} WHERE id = {key} AND "
                f"NOT EXISTS (SELECT 1 FROM random WHERE id = {other})"]))
        self.run("BEGIN; " + "; ".join(statements) + ("; COMMIT" if rng.random() < 0.9 else "; ROLLBACK"))

    def evolve(self) -> None:
        """DDL between changes; what a new column's default gives to old rows is not in the stream, so each step
        touches all rows."""
        touch = "UPDATE evolving SET id = id"
        for number, statement in enumerate((
                "ALTER TABLE evolving ADD COLUMN more text",
                "ALTER TABLE evolving ADD COLUMN counted int NOT NULL DEFAULT 7",
                "ALTER TABLE evolving DROP COLUMN gone",
                "ALTER TABLE evolving ALTER COLUMN s TYPE text",
                "ALTER TABLE evolving RENAME COLUMN more TO renamed",
                "ALTER TABLE evolving ADD COLUMN arr int[], ADD COLUMN at timestamptz DEFAULT '2024-02-29'",
                "ALTER TABLE evolving ALTER COLUMN at DROP DEFAULT")):
            key = 100 + number
            self.run(f"INSERT INTO evolving (id, n, s) VALUES ({key}, {number}, 'before')")
            self.run(statement)
            self.run(f"INSERT INTO evolving (id, n, s) VALUES ({key + 50}, {number}, 'after')")
            self.run(f"UPDATE evolving SET n = n + 1 WHERE id = {key}")
            self.run(f"DELETE FROM evolving WHERE id = {number + 1}")
            self.run(touch)
        self.run("UPDATE evolving SET renamed = 'r', arr = '{1,NULL}' WHERE id % 2 = 0")


def route_of(table: str) -> dict:
    return TABLES[table].route if table in TABLES else {}
