"""Contract sections 6 and 7 where more than one process, or somebody else's DDL, is at work."""

import pytest

from harness.schemas import PlainTable, opt
from harness.target import SqliteTarget

ID = ("id", "int")


def versions(schemas, topic, *columns):
    """Plain tables of one topic, one a schema version."""
    return [PlainTable(schemas, topic, list(c), ["id"]) for c in columns]


def test_case_143_a_long_table_name_is_found_again(streams, schemas, topic, millrace, target):
    """Case 143, I-03: a name of 70 bytes gives one table of 63, however often the process starts."""
    name = topic()
    streams.create(name)
    [table] = versions(schemas, name, [ID])
    wanted = "t" * 70
    one = millrace([{"topic": name, "table": wanted}])
    for i in range(2):
        streams.produce(table.put({"id": i}))
        one.load_to_end()
    found = target.query("SELECT tablename FROM pg_tables WHERE tablename LIKE %s", "tttt%")
    assert len(found) == 1 and len(found[0][0]) == 63 and found[0][0][:54] == "t" * 54
    assert target.count(found[0][0]) == 2


def test_case_146_two_instances_that_add_a_column_at_once_both_go_on(streams, schemas, topic, millrace, target):
    """Case 146, V-01, V-12: the column is added once, noted once; old rows have NULL; nobody halts."""
    name = topic()
    streams.create(name, partitions=2)
    old, new = versions(schemas, name, [ID, ("a", "string")], [ID, ("a", "string"), ("b", opt("string"))])

    def at(partition, record):
        record.partition = partition
        return record
    streams.produce(*(at(p, old.put({"id": p, "a": "x"})) for p in (0, 1)))
    pair = [millrace([{"topic": name, "table": "t"}], name=f"m{i}").start() for i in (0, 1)]
    for one in pair:
        one.await_ready(60)
    target.await_loaded(streams, name)
    streams.produce(*(at(p, new.put({"id": 10 + p, "a": "x", "b": "y"})) for p in (0, 1)))
    target.await_loaded(streams, name)
    assert target.query("SELECT * FROM t ORDER BY 1") == [(0, "x", None), (1, "x", None), (10, "x", "y"),
                                                          (11, "x", "y")]
    noted = target.query("SELECT schema_id, db_user = current_user, pipeline, statement FROM millrace.schema_changes "
                         "WHERE statement LIKE 'ALTER%%' ORDER BY id")
    assert [row[:3] for row in noted] == [(new.value_id, True, pair[0].pipeline)], noted
    assert not {c for one in pair for c in one.error_codes()} & {"type.incompatible", "target.missing", "schema.drift"}
    for one in pair:
        one.stop()


def test_case_147_a_discarded_field_is_counted(streams, schemas, topic, millrace, target):
    """Case 147, V-01, V-15: one field of one schema counts one; so does a generated column's."""
    name = topic()
    streams.create(name)
    target.run("CREATE TABLE t(id int PRIMARY KEY, g text GENERATED ALWAYS AS ('x') STORED)")
    [table] = versions(schemas, name, [ID, ("more", opt("string")), ("g", opt("string"))])
    streams.produce(*(table.put({"id": i, "more": "z", "g": "z"}) for i in range(3)))
    one = millrace([{"topic": name, "table": "t", "evolve": "discard_column"}]).start()
    target.await_loaded(streams, name)
    for reason in ("discard_column", "generated"):
        assert one.metrics().value("millrace_fields_ignored_total", table="t", reason=reason) == 1
    one.stop()


ALTERATIONS = {
    "a type of the same length": ("ALTER TABLE t ALTER a TYPE float8", (2, 2.0)),
    "a column dropped and added again": ("ALTER TABLE t DROP a, ADD a numeric", (2, 2)),
    "a table renamed, another in its place":
        ("ALTER TABLE t RENAME TO was; CREATE TABLE t(id int PRIMARY KEY, a float8)", (2, 2.0)),
    "a schema renamed, another in its place":
        ("ALTER SCHEMA public RENAME TO was; CREATE SCHEMA public; CREATE TABLE public.t(id int PRIMARY KEY, a float8)",
         (2, 2.0)),
    "columns that change their names": ("ALTER TABLE t ADD b bigint; ALTER TABLE t RENAME a TO c; "
                                        "ALTER TABLE t RENAME b TO a", (2, 2)),
}


@pytest.mark.parametrize("what", sorted(ALTERATIONS))
def test_a_table_altered_under_a_cached_plan_never_gets_a_wrong_value(what, streams, schemas, topic, millrace, target):
    """V-13: int8 bytes in a float8 column would be a COPY that succeeds."""
    statement, expected = ALTERATIONS[what]
    name = topic()
    streams.create(name)
    target.run("CREATE TABLE t(id int PRIMARY KEY, a bigint)")
    [table] = versions(schemas, name, [ID, ("a", "long")])
    one = millrace([{"topic": name, "table": "t"}]).start()
    streams.produce(table.put({"id": 1, "a": 1}))
    target.await_loaded(streams, name)
    target.run(statement)
    streams.produce(table.put({"id": 2, "a": 2}))
    target.await_loaded(streams, name)
    assert target.query("SELECT id, a FROM public.t WHERE id = 2") == [expected]
    assert target.letters(name) == []
    one.stop()


def test_partitions_of_different_ages_share_a_table(streams, schemas, topic, millrace, target):
    """V-19, R-08: one partition still brings the old schema while the other has the new one: no alteration
    goes back and forth, no value is lost, in one batch and in several."""
    name = topic()
    streams.create(name, partitions=2)
    old, new = versions(schemas, name, [ID, ("a", "int"), ("gone", opt("string"))],
                        [ID, ("a", "long"), ("b", opt("string"))])
    for i in range(50):
        for partition, record in ((0, old.put({"id": i, "a": i, "gone": f"g{i}"})),
                                  (1, new.put({"id": 1000 + i, "a": (1 << 40) + i, "b": f"b{i}"}))):
            record.partition = partition
            streams.send(record)
    streams.flush()
    one = millrace([{"topic": name, "table": "t", "evolve": "widen", "widen_rewrite": True}], batch={"max_rows": 7})
    one.load_to_end()
    found = target.query("SELECT id, a, gone, b FROM t ORDER BY id")
    assert found == [(i, i, f"g{i}", None) for i in range(50)] + [
        (1000 + i, (1 << 40) + i, None, f"b{i}") for i in range(50)]
    assert target.value("SELECT count(*) FROM millrace.schema_changes") <= 4


def test_row_security_halts_unless_the_role_bypasses_it(streams, schemas, topic, millrace, target):
    """V-18: rows that a policy hides would be taken for absent ones."""
    name = topic()
    streams.create(name)
    role = f"weak_{abs(hash(name)) % 100000}"
    target.run("CREATE TABLE t(id int PRIMARY KEY); ALTER TABLE t ENABLE ROW LEVEL SECURITY; "
               f"CREATE ROLE {role} LOGIN; GRANT ALL ON t TO {role}; "
               f"GRANT CREATE ON DATABASE \"{target.value('SELECT current_database()')}\" TO {role}")
    [table] = versions(schemas, name, [ID])
    streams.produce(table.put({"id": 1}))
    owner = target.value("SELECT current_user")
    url = target.url.replace(f"//{owner}", f"//{role}", 1)
    try:
        one = millrace([{"topic": name, "table": "t"}], target={"url": url})
        one.load_to_end(expect=75)
        assert "target.rls" in one.error_codes() and target.count("t") == 0
        target.run(f"ALTER ROLE {role} BYPASSRLS")
        one.load_to_end()
        assert target.count("t") == 1
    finally:
        target.run(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


def test_a_widening_that_the_table_refuses_is_left_to_the_x_rows(streams, schemas, topic, millrace, target):
    """V-04: a view reads the column; what fits is loaded, what does not is that record's fault."""
    name = topic()
    streams.create(name)
    target.run("CREATE TABLE t(id int PRIMARY KEY, a varchar(2), b varchar(2)); CREATE VIEW v AS SELECT a FROM t")
    [table] = versions(schemas, name, [ID, ("a", "string"), ("b", "string")])
    streams.produce(table.put({"id": 1, "a": "xy", "b": "long enough"}), table.put({"id": 2, "a": "xyz", "b": "y"}))
    one = millrace([{"topic": name, "table": "t", "evolve": "widen"}])
    one.load_to_end()
    assert target.query("SELECT * FROM t") == [(1, "xy", "long enough")]
    assert target.codes(name) == [(1, "value.too_long")]
    assert [e["column"] for e in one.events("alter_refused")] == ["a"]


def test_a_failed_alteration_leaves_the_batch_as_it_was(streams, schemas, topic, millrace, target):
    """V-21: without the right to alter, what the known schema brought lands, and the new record waits."""
    name = topic()
    streams.create(name)
    target.run("CREATE TABLE t(id int PRIMARY KEY)")
    old, new = versions(schemas, name, [ID], [ID, ("a", "string")])
    streams.produce(old.put({"id": 1}), new.put({"id": 2, "a": "x"}))
    link = target.connect()
    link.execute("BEGIN; LOCK TABLE t IN ROW EXCLUSIVE MODE")
    try:
        one = millrace([{"topic": name, "table": "t"}]).start()
        one.await_error("db.55P03", 30)
        target.await_positions(name, {0: 1}, 30, one.must_run)
        assert target.query("SELECT * FROM t") == [(1,)]
    finally:
        link.close()
    target.await_loaded(streams, name, 60, one.must_run)
    assert target.query("SELECT * FROM t ORDER BY 1") == [(1, None), (2, "x")]
    one.stop()


def test_a_table_that_millrace_made_without_a_key_gets_one(streams, schemas, topic, millrace, target):
    """V-17: made by `append`, then loaded by `upsert`; a table that somebody else made halts."""
    name = topic()
    streams.create(name)
    [table] = versions(schemas, name, [ID, ("a", "string")])
    streams.produce(table.put({"id": 1, "a": "x"}))
    millrace([{"topic": name, "table": "t", "strategy": "append"}]).load_to_end()
    streams.produce(table.put({"id": 1, "a": "y"}), table.put({"id": 2, "a": "z"}))
    millrace([{"topic": name, "table": "t"}], name="upsert").load_to_end()
    assert target.query("SELECT id, a FROM t ORDER BY 1") == [(1, "y"), (2, "z")]
    assert "PRIMARY KEY" in target.value("SELECT statement FROM millrace.schema_changes ORDER BY id DESC LIMIT 1")


def test_sqlite_grows_its_tables_and_notes_it(streams, schemas, topic, millrace, tmp_path):
    """V-01, V-02, V-06, V-11, V-15 in the embedded target; what it cannot alter is left to the X rows."""
    name = topic()
    streams.create(name)
    file = SqliteTarget(tmp_path / "t.db")
    old, new = versions(schemas, name, [ID, ("a", "int")], [ID, ("a", "long"), ("b", opt("string"))])
    streams.produce(old.put({"id": 1, "a": 1}), new.put({"id": 2, "a": 2, "b": "y"}), old.put({"id": 2, "a": 3}),
                    new.put({"id": 3, "a": 1 << 40, "b": "z"}))
    one = millrace([{"topic": name, "table": "t", "evolve": "widen", "widen_rewrite": True}], target={"url": file.url})
    one.load_to_end()
    assert sorted(file.rows("t", ["id", "a", "b"])) == [(1, 1, None), (2, 3, "y")]
    assert file.codes(name) == [(3, "value.out_of_range")]
    noted = file.query("SELECT schema_id, statement FROM millrace_schema_changes ORDER BY id")
    assert [n[0] for n in noted] == [old.value_id, new.value_id]
