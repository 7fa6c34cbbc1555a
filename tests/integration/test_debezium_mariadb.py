"""A real Debezium connector, from MariaDB to PostgreSQL. What stands in docs/sources.md of MariaDB is tested here."""

import os
import random

import pytest
from stack import MariaDb, Unavailable

pytest.importorskip("pymysql", reason="the Python package PyMySQL cannot be had here")

from harness import mariadb  # noqa: E402
from harness.instances import Instances, need_program  # noqa: E402
from harness.millrace import binary  # noqa: E402
from harness.target import PgTarget  # noqa: E402

pytestmark = pytest.mark.timeout(600)
STREAMED = 1000
TABLES = ("types", "times", "composite", "work", "truncated")


@pytest.fixture(scope="module")
def source(run_dir, connect):
    try:
        server = MariaDb(run_dir / "mariadb").start()
    except Unavailable as why:
        pytest.skip(f"MariaDB cannot be had here: {why}")
    one = mariadb.Source(server, connect, "shop")
    yield one
    one.end()
    server.remove()


@pytest.fixture(scope="module")
def loaded(run_dir, source, kafka, registry, postgres, streams, long_form):
    """The source's life, and its target when all of it is loaded."""
    need_program(binary())
    target = PgTarget(postgres.create_database("mariadb"))
    target.run("CREATE TABLE times (id int PRIMARY KEY, t interval, t6 interval)")
    first(source)
    source.connect(kafka.bootstrap, {"bigint.unsigned.handling.mode": "precise", "skipped.operations": "none"})
    source.settle(streams)
    instances = Instances(run_dir / "tests" / "debezium-mariadb", kafka, registry.url, target.url)
    loader = instances([{"topic": source.topic(table), "table": table} for table in TABLES]).start()
    changes(source, 200 if long_form else 60)
    source.settle(streams)
    for table in TABLES:
        target.await_loaded(streams, source.topic(table), 60, loader.must_run)
    yield target
    instances.end()
    target.close()


def first(source: mariadb.Source) -> None:
    columns = "".join(f", `{c.name}` {c.type}" for c in mariadb.TYPES)
    source.run(f"CREATE TABLE types (id int PRIMARY KEY{columns})",
               "CREATE TABLE times (id int PRIMARY KEY, t time, t6 time(6))",
               "CREATE TABLE composite (a int, b varchar(10), v text, PRIMARY KEY (a, b))",
               "CREATE TABLE work (id int PRIMARY KEY, v varchar(50), n decimal(12,3), t longtext, at datetime(6))",
               "CREATE TABLE truncated (id int PRIMARY KEY, v text)",
               "INSERT INTO times VALUES (1, '-838:59:59', '838:59:59.000001')",
               "INSERT INTO composite VALUES (1, 'x', '1'), (2, 'y', '2'), (3, 'z', NULL)",
               "INSERT INTO work VALUES (1, 'first', 1.5, repeat('t', 9000), now(6)), (2, NULL, NULL, NULL, NULL)",
               "INSERT INTO truncated VALUES (1, 'first'), (2, 'first')")
    source.type_rows(0)


def changes(source: mariadb.Source, rounds: int) -> None:
    source.type_rows(STREAMED)
    source.run("INSERT INTO times VALUES (2, '00:00:00', '-00:00:00.000001')",
               "UPDATE composite SET a = 10 WHERE a = 1", "UPDATE composite SET v = 'new' WHERE b = 'y'",
               "DELETE FROM composite WHERE a = 3", "INSERT INTO composite VALUES (3, 'z', 'back'), (1, 'x', 'taken')",
               "UPDATE truncated SET v = 'second'", "TRUNCATE TABLE truncated",
               "INSERT INTO truncated VALUES (2, 'after'), (5, 'after')")
    seed = int(os.environ.get("MILLRACE_SEED") or random.randrange(1 << 30))
    print(f"\nseed: {seed} (MILLRACE_SEED repeats it)")
    rng = random.Random(seed)
    for _ in range(rounds):
        key, other = rng.randrange(1, 20), rng.randrange(1, 20)
        source.run(rng.choice([
            f"REPLACE INTO work VALUES ({key}, 'r\u00e9', {rng.randrange(-9999, 9999)} / 7, repeat('x', 5000), now(6))",
            f"UPDATE work SET v = concat(coalesce(v, ''), 'u'), n = NULL WHERE id = {key}",
            f"DELETE FROM work WHERE id = {key}",
            f"UPDATE IGNORE work SET id = {other} WHERE id = {key}"]))


@pytest.mark.parametrize("phase", [0, 1], ids=["by the snapshot", "in changes"])
def test_every_type_arrives_as_its_value(loaded, source, phase):
    """T-01 to T-49 of a MySQL source: unsigned integers, bits, zero dates (T-49), spatial points, NULLs."""
    wrong, equal = [], 0
    for column in mariadb.TYPES:
        found = dict(loaded.query(f'SELECT id, "{column.name}"::text FROM types'))
        expected = {phase * STREAMED + 99: None}
        for number in range(mariadb.ROWS):
            text = column.values[number % len(column.values)][1]
            expected[number + phase * STREAMED] = text[phase] if isinstance(text, tuple) else text
        bad = [(i, text, found.get(i, "absent")) for i, text in expected.items() if found.get(i, "absent") != text]
        equal += not bad
        wrong += [f"{column.name} row {i}: {str(have)[:80]}, not {str(text)[:80]}" for i, text, have in bad]
    print(f"\nMariaDB: {equal} of {len(mariadb.TYPES)} columns as listed")
    assert not wrong, "\n".join(wrong) + f"\nletters {loaded.letters(source.topic('types'))[:2]}"


def test_times_beyond_a_day_arrive_in_interval_columns(loaded):
    """T-14"""
    assert sorted(loaded.query("SELECT id, t::text, t6::text FROM times")) == [
        (1, "-838:59:59", "838:59:59.000001"), (2, "00:00:00", "-00:00:00.000001")]


@pytest.mark.parametrize("table, columns", [
    ("composite", "a, b, v"), ("truncated", "id, v"),
    ("work", "id, v, n, md5(t), date_format(at, '%Y-%m-%d %H:%i:%s.%f')")])
def test_a_table_is_equal_after_all_its_changes(loaded, source, table, columns):
    """E-13 key changes, R-20 truncates, random updates, deletes and replacements."""
    ours = sorted(map(str, source.query(f"SELECT {columns} FROM {table}")))
    theirs = columns.replace("date_format(at, '%Y-%m-%d %H:%i:%s.%f')", "to_char(at, 'YYYY-MM-DD HH24:MI:SS.US')")
    found = sorted(map(str, loaded.query(f"SELECT {theirs} FROM {table}")))
    assert ours == found, f"letters {loaded.codes(source.topic(table))}"
