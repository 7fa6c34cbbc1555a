"""`millrace plan`: what run would do, and what it could not, against real servers; nothing is changed."""

import json

from harness.schemas import DebeziumTable, PlainTable, Record, opt
from harness.target import SqliteTarget

ID = ("id", "int")


def plan_of(one, expect: int = 0) -> dict:
    """The topics of `plan --json`, by table."""
    done = one.command("plan", "--json")
    assert done.returncode == expect, done.stdout + done.stderr
    return {entry["table"]: entry for entry in json.loads(done.stdout)}


def jsoned(value) -> bytes:
    return json.dumps(value).encode()


def columns_of(entry: dict) -> dict:
    return {c["column"]: c for c in entry["columns"]}


def nothing_was_made(target) -> bool:
    return target.query("SELECT 1 FROM pg_namespace WHERE nspname = 'millrace'") == []


def test_an_absent_table_would_be_created_and_then_is_as_planned(streams, schemas, topic, millrace, target):
    """design.md section 8, V-11: the statement is the one that run makes; plan leaves no trace."""
    name = topic("orders")
    streams.create(name, partitions=3)
    table = PlainTable(schemas, name, [ID, ("note", opt("string")), ("paid", "boolean")], ["id"])
    streams.produce(*(table.put({"id": i, "note": "x", "paid": True}) for i in range(5)))
    one = millrace([{"topic": name, "table": "orders"}])
    entry = plan_of(one)["orders"]
    assert (entry["exists"], entry["schemas_from"], entry["schema_ids"]) == (False, "records", [table.value_id])
    assert [(c["column"], c["type"], c["conversion"], c["change"]) for c in entry["columns"]] == [
        ("id", "integer", "exact", "add"), ("note", "text", "exact", "add"), ("paid", "boolean", "exact", "add")]
    assert nothing_was_made(target) and not target.exists("orders")
    one.load_to_end()
    assert target.query("SELECT statement FROM millrace.schema_changes") == [(entry["statements"][0],)]
    again = plan_of(one)["orders"]
    assert (again["exists"], again["statements"], again["troubles"]) == (True, [], [])


def test_an_existing_table_is_compared_column_by_column(streams, schemas, topic, millrace, target):
    """V-01, V-04, X rows: what would be added and widened, what each value is checked for, what is cast."""
    name = topic("t")
    streams.create(name)
    target.run("CREATE TABLE t(id bigint PRIMARY KEY, a varchar(9), n smallint, net inet, extra text, "
               "g text GENERATED ALWAYS AS ('x') STORED)")
    table = PlainTable(schemas, name, [ID, ("a", "string"), ("n", "long"), ("net", "string"), ("g", "string"),
                                       ("more", opt("double"))], ["id"])
    streams.produce(table.put({"id": 1, "a": "x", "n": 1, "net": "::1", "g": "", "more": 1.0}))
    entry = plan_of(millrace([{"topic": name, "table": "t"}]))["t"]
    assert {c: (v["conversion"], v["change"]) for c, v in columns_of(entry).items()} == {
        "id": ("exact", "none"), "a": ("checked per value", "none"), "n": ("checked per value", "none"),
        "net": ("cast by server", "none"), "g": ("generated, not loaded", "none"), "more": ("exact", "add"),
        "extra": ("not filled", "none")}
    assert len(entry["statements"]) == 1 and '"more" double precision' in entry["statements"][0]
    assert any('"a" TYPE text' in sql for sql in entry["widenings"])
    entry = plan_of(millrace([{"topic": name, "table": "t", "evolve": "widen", "widen_rewrite": True}], name="w"))["t"]
    widened = columns_of(entry)
    assert (widened["a"]["type"], widened["a"]["was"]) == ("text", "character varying(9)")
    assert widened["n"]["type"] == "bigint" and entry["widenings"] == []
    assert target.value("SELECT count(*) FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0") == 6


def test_what_cannot_be_is_named_with_the_sql_to_do_it_by_hand(streams, schemas, topic, millrace, target):
    """V-03, V-17, type.incompatible, schema.drift: each with a statement that mends it; exit 65."""
    def made(name, columns, ddl, **route):
        full = topic(name)
        streams.create(full)
        table = PlainTable(schemas, full, [ID, *columns], ["id"])
        streams.produce(table.put({"id": 1, **{c: 1.5 if t == "double" else "x" for c, t in columns}}))
        target.run(ddl)
        return {"topic": full, "table": name, **route}
    routes = [
        made("nokey", [], "CREATE TABLE nokey(id int)"),
        made("strict", [], "CREATE TABLE strict(id int PRIMARY KEY, must text NOT NULL)"),
        made("wrong", [("a", "double")], "CREATE TABLE wrong(id int PRIMARY KEY, a date)"),
        made("frozen", [("a", "string")], "CREATE TABLE frozen(id int PRIMARY KEY)", evolve="freeze"),
    ]
    one = millrace(routes)
    found = plan_of(one, expect=65)
    assert {t: [x["code"] for x in e["troubles"]] for t, e in found.items()} == {
        "nokey": ["target.no_unique_key"], "strict": ["target.not_null_missing"], "wrong": ["type.incompatible"],
        "frozen": ["schema.drift"]}
    assert columns_of(found["wrong"])["a"]["conversion"] == "no conversion"
    target.run("ALTER TABLE wrong ALTER a TYPE text")  # there is no cast from date to float8
    for table, entry in found.items():
        if table != "wrong":
            target.run(entry["troubles"][0]["by_hand"])
    assert "TYPE double precision" in found["wrong"]["troubles"][0]["by_hand"]
    assert [e["troubles"] for e in plan_of(one).values()] == [[], [], [], []]


def test_schemas_of_several_versions_are_followed_in_their_order(streams, schemas, topic, millrace, target):
    """V-19: the statements are those that run would come to, one after the other."""
    name = topic("t")
    streams.create(name)
    old = PlainTable(schemas, name, [ID, ("a", "string")], ["id"])
    new = PlainTable(schemas, name, [ID, ("a", "string"), ("b", opt("string"))], ["id"])
    streams.produce(old.put({"id": 1, "a": "x"}), new.put({"id": 2, "a": "x", "b": "y"}), new.tombstone({"id": 1}))
    entry = plan_of(millrace([{"topic_regex": name.replace(".", "\\."), "table": "t"}]))["t"]
    assert entry["schema_ids"] == [old.value_id, new.value_id]
    assert [s.split("(")[0].strip() for s in entry["statements"]] == [
        'CREATE TABLE "public"."t"', 'ALTER TABLE "public"."t" ADD COLUMN IF NOT EXISTS "b" text']


def test_an_empty_topic_is_planned_by_its_subject(streams, schemas, topic, millrace, target):
    """F-44: TopicName is asked where no record names a schema; without a subject nothing is known."""
    known, unknown = topic("known"), topic("unknown")
    streams.create(known, unknown)
    PlainTable(schemas, known, [ID, ("a", "string")], ["id"])
    found = plan_of(millrace([{"topic": known, "table": "known"}, {"topic": unknown, "table": "unknown"}]))
    assert found["known"]["schemas_from"] == "registry" and len(found["known"]["statements"]) == 1
    assert (found["unknown"]["schemas_from"], found["unknown"]["columns"]) == ("nothing", [])


def test_people_read_it_too(streams, schemas, topic, millrace, target):
    """P7: one line a column, the statement, and what to do by hand."""
    name = topic("t")
    streams.create(name)
    target.run("CREATE TABLE t(id int)")
    table = PlainTable(schemas, name, [ID, ("a", "string")], ["id"])
    streams.produce(table.put({"id": 1, "a": "x"}))
    done = millrace([{"topic": name, "table": "t"}, {"topic": topic("absent"), "table": "u"}]).command("plan")
    assert done.returncode == 65 and "does not exist" in done.stderr
    assert f"{name} -> t: cannot be loaded as it is" in done.stdout
    assert "target.no_unique_key" in done.stdout and 'by hand: CREATE UNIQUE INDEX "t_key"' in done.stdout


def test_what_the_source_loses_is_named_and_no_trouble(streams, schemas, topic, millrace, target):
    """T-26, T-22, T-09, U-12, P7: by the types of PostgreSQL's connector, with the setting that keeps it."""
    name = topic("t")
    streams.create(name)
    number = {"type": "record", "name": "VariableScaleDecimal", "namespace": "io.debezium.data",
              "connect.name": "io.debezium.data.VariableScaleDecimal",
              "fields": [{"name": "scale", "type": "int"}, {"name": "value", "type": "bytes"}]}
    table = DebeziumTable(schemas, name, [
        ID, ("n", opt(number)), ("i", opt({"type": "long", "connect.name": "io.debezium.time.MicroDuration"})),
        ("tz", opt({"type": "string", "connect.name": "io.debezium.time.ZonedTime"})), ("kept", opt("string")),
        ("f", opt({"type": "array", "items": ["null", "double"]}))], ["id"])
    streams.produce(table.delete({"id": 1}))  # any envelope: it names the schemas
    one = millrace([{"topic": name, "table": "t"}])
    notes = plan_of(one)["t"]["notes"]
    assert [(n["column"], n["kind"]) for n in notes] == [
        ("n", "lost"), ("n", "unseen"), ("i", "lost"), ("tz", "lost"), ("f", "unseen")]
    assert "decimal.handling.mode" in notes[0]["remedy"] and "unavailable_null_columns" in notes[4]["remedy"]
    text = one.command("plan").stdout
    assert "  i: lost at the source: an interval's months and days" in text and "f: may be lost" in text
    listed = millrace([{"topic": name, "table": "t", "unavailable_null_columns": ["f", "n"]}], name="listed")
    assert [n["column"] for n in plan_of(listed)["t"]["notes"]] == ["n", "i", "tz"]


def test_brokers_that_are_away_end_it(millrace):
    """design.md section 8: exit codes are sysexits'."""
    one = millrace([{"topic": "t", "table": "t"}], kafka={"bootstrap_servers": "127.0.0.1:1"})
    done = one.command("plan")
    assert done.returncode in (69, 75) and "source.away" in done.stderr


def test_a_sqlite_file_is_planned_and_not_made(streams, schemas, topic, millrace, tmp_path):
    """V-11 in the embedded target."""
    name = topic("t")
    streams.create(name)
    file = SqliteTarget(tmp_path / "t.db")
    table = PlainTable(schemas, name, [ID, ("a", "string")], ["id"])
    streams.produce(table.put({"id": 1, "a": "x"}))
    one = millrace([{"topic": name, "table": "t"}], target={"url": file.url})
    one.load_to_end()
    grown = PlainTable(schemas, name, [ID, ("a", "string"), ("b", opt("string"))], ["id"])
    streams.produce(grown.put({"id": 2, "a": "x", "b": "y"}))
    entry = plan_of(one)["t"]
    assert entry["statements"] == ['ALTER TABLE "t" ADD COLUMN "b" TEXT']
    assert len(file.query("SELECT * FROM pragma_table_info('t')")) == 2


class Named(DebeziumTable):
    """A table of the source whose records stand in another's topic."""

    def __init__(self, client, topic, table, columns):
        super().__init__(client, topic, columns, ["id"])
        self.table = table

    def envelope(self, op, before, after, **source):
        return super().envelope(op, before, after, **{"schema": "public", "table": self.table, **source})


def test_a_topic_of_several_tables_is_planned_by_the_tables_that_its_records_name(streams, schemas, topic, millrace,
                                                                                   target):
    """E-30: each table with the schemas of its own records; what names none is a trouble of the topic."""
    name = topic("all")
    streams.create(name, partitions=2)
    orders = Named(schemas, name, "orders", [ID, ("a", opt("string"))])
    items = Named(schemas, name, "items", [ID, ("n", "long")])
    target.run("CREATE TABLE items(id int PRIMARY KEY)")
    streams.produce(*(orders.create({"id": i, "a": "x"}) for i in range(40)))
    streams.produce(items.create({"id": 1, "n": 7}), orders.delete({"id": 1, "a": "x"}),
                    orders.tombstone({"id": 1, "a": "x"}))
    one = millrace([{"topic": name, "route": "source"}])
    entries = plan_of(one)
    assert set(entries) == {"", "public.orders", "public.items"}
    assert (entries[""]["schemas_from"], entries[""]["columns"], entries[""]["troubles"]) == ("source", [], [])
    assert set(columns_of(entries["public.orders"])) == {"id", "a"}
    assert set(columns_of(entries["public.items"])) == {"id", "n"}
    assert entries["public.orders"]["records_seen"] == 41 and not entries["public.orders"]["exists"]
    assert ['"n" bigint' in sql for sql in entries["public.items"]["statements"]] == [True]
    assert "orders: would be created" in one.command("plan").stdout and nothing_was_made(target)
    one.load_to_end()
    assert all(entry["statements"] == [] for entry in plan_of(one).values())
    lost = orders.record("c", {"id": 9, "a": "x"}, orders.envelope("c", None, {"id": 9, "a": "x"}, table=""))
    streams.produce(lost)
    bad = plan_of(one, expect=65)[""]
    assert [t["code"] for t in bad["troubles"]] == ["route.missing"] and bad["records_bad"] == 1


def test_json_without_a_schema_is_planned_by_what_its_records_are(streams, schemas, topic, millrace, target):
    """F-11, E-30: the same tables and columns as run makes, for a topic of one table and of several."""
    one, all_of = topic("one"), topic("all")
    streams.create(one, all_of)
    streams.produce(*(Record(one, jsoned({"id": i}), jsoned(row)) for i, row in enumerate(
        [{"id": 0, "a": "x", "n": 1}, {"id": 1, "n": None, "a": None, "p": 1.50}])))
    streams.produce(Record(one, jsoned({"id": 0}), None))
    streams.produce(*(Record(all_of, jsoned({"id": i}), jsoned({
        "op": "c", "before": None, "after": {"id": i, **more},
        "source": {"connector": "postgresql", "schema": "public", "table": table}}))
        for i, (table, more) in enumerate([("orders", {"a": "x"}), ("items", {"n": 7}), ("items", {"n": 8})])))
    formats = {"value_format": "json", "key_format": "json"}
    instance = millrace([{"topic": one, "table": "one", **formats}, {"topic": all_of, "route": "source", **formats}])
    found = plan_of(instance)
    assert {t: (e["schemas_from"], e["records_seen"], e["troubles"]) for t, e in found.items()} == {
        "one": ("records", 3, []), "": ("source", 3, []), "public.orders": ("records", 1, []),
        "public.items": ("records", 2, [])}
    assert {t: [(c["column"], c["type"]) for c in e["columns"]] for t, e in found.items() if t} == {
        "one": [("id", "bigint"), ("a", "text"), ("n", "bigint"), ("p", "numeric")],
        "public.orders": [("id", "bigint"), ("a", "text")], "public.items": [("id", "bigint"), ("n", "bigint")]}
    instance.load_to_end()
    assert sorted(target.query("SELECT statement FROM millrace.schema_changes")) == sorted(
        (sql,) for entry in found.values() for sql in entry["statements"])
    assert all(entry["statements"] == [] for entry in plan_of(instance).values())


def test_a_reader_schema_is_what_is_planned(streams, schemas, topic, millrace, target):
    """S-01: the route's own schema names the columns; what does not resolve to it is a trouble."""
    name = topic("t")
    streams.create(name)
    table = PlainTable(schemas, name, [ID, ("a", "string")], ["id"])
    streams.produce(table.put({"id": 1, "a": "x"}))
    own = {"type": "record", "name": f"{name}.Value", "fields": [{"name": "id", "type": "int"},
                                                     {"name": "more", "type": "string", "default": "-"}]}
    one = millrace([{"topic": name, "table": "t", "value_schema": json.dumps(own)}])
    assert [(c["column"], c["type"]) for c in plan_of(one)["t"]["columns"]] == [("id", "integer"), ("more", "text")]
    own["name"] = "other"
    one = millrace([{"topic": name, "table": "t", "value_schema": json.dumps(own)}], name="other")
    assert [t["code"] for t in plan_of(one, expect=65)["t"]["troubles"]] == ["schema.unresolvable"]
