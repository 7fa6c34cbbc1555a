"""What records do to tables, when nothing goes wrong. Most tests produce, run to the end, compare."""

from harness.model import Model, difference
from harness.schemas import TEXT, DebeziumTable, PlainTable, Record, opt, texts
from harness.waiting import await_
from harness.wire import confluent, datum
from harness.workload import NAMES, Workload

TEXT_NAMES = ["id", "a", "b"]


def test_inserts_updates_and_deletes_leave_the_last_state(streams, schemas, topic, millrace, target):
    """E-01, E-03, E-04, E-10, G-01: 3000 random changes over 200 keys."""
    name = topic("orders")
    streams.create(name)
    work = Workload(schemas, name, n_keys=200)
    work.run(streams, 3000)
    millrace([{"topic": name, "table": "orders"}]).load_to_end()
    work.model.check(target.rows("orders", NAMES))
    assert target.positions(name) == streams.ends(name)
    assert target.letters(name) == []


def test_a_second_run_loads_only_what_is_new(streams, schemas, topic, millrace, target):
    """G-02: the position in the target is where the next run begins."""
    name = topic("log")
    streams.create(name)
    work = Workload(schemas, name, n_keys=10 ** 6, seed=2)
    one = millrace([{"topic": name, "table": "log", "strategy": "append"}])
    for _ in range(2):
        work.run(streams, 200)
        one.load_to_end()
    assert target.count("log") == work.seq == 400
    one.load_to_end()
    assert target.count("log") == 400


def test_snapshot_reads_are_upserts(debezium, streams, millrace, target):
    """E-02: op r writes the row, over an older one too, and mixed with changes."""
    table = debezium()
    model = Model(TEXT_NAMES)
    streams.produce(table.read(texts(1)), table.read(texts(2)), table.update(texts(1, "x2")),
                    table.read(texts(3)), table.read(texts(3, "again")), table.delete(texts(2)),
                    table.tombstone(texts(2)), model=model)
    millrace([{"topic": table.topic, "table": "orders"}]).load_to_end()
    model.check(target.rows("orders", TEXT_NAMES))


def test_a_tombstone_deletes_in_a_plain_topic(plain, streams, millrace, target):
    """F-01, E-10, E-21."""
    table = plain()
    model = Model(TEXT_NAMES)
    streams.produce(table.put(texts(1)), table.put(texts(2)), table.tombstone(texts(1)),
                    table.tombstone(texts(9)), model=model)
    millrace([{"topic": table.topic, "table": "orders"}]).load_to_end()
    model.check(target.rows("orders", TEXT_NAMES))


def test_tombstones_are_left_alone_when_told_to_be_ignored(plain, streams, millrace, target):
    """E-10, tombstone = ignore."""
    table = plain()
    streams.produce(table.put(texts(1)), table.tombstone(texts(1)))
    millrace([{"topic": table.topic, "table": "orders", "tombstone": "ignore"}]).load_to_end()
    assert target.rows("orders", TEXT_NAMES) == [(1, "x", "y")]
    assert target.positions(table.topic) == {0: 2}


def test_composite_keys_tell_rows_apart_by_all_their_columns(debezium, streams, millrace, target):
    """F-20: three key columns of different types, in the order of the key schema."""
    columns = [("region", "string"), ("id", "long"), ("day", "int"), ("a", opt("string"))]
    table = debezium(columns=columns, key=("region", "id", "day"))
    names = [c for c, _ in columns]
    model = Model(names)

    def row(region, number, day, a):
        return {"region": region, "id": number, "day": day, "a": a}
    streams.produce(table.create(row("n", 1, 1, "a")), table.create(row("s", 1, 1, "b")),
                    table.create(row("n", 2, 1, "c")), table.create(row("n", 1, 2, "d")),
                    table.update(row("s", 1, 1, "b2")), table.delete(row("n", 2, 1, None)), model=model)
    millrace([{"topic": table.topic, "table": "orders"}]).load_to_end()
    model.check(target.rows("orders", names))
    key = target.query("SELECT a.attname FROM pg_index i, unnest(i.indkey) WITH ORDINALITY k(n, at), pg_attribute a "
                       "WHERE i.indrelid = 'orders'::regclass AND i.indisprimary AND a.attrelid = i.indrelid "
                       "AND a.attnum = k.n ORDER BY k.at")
    assert [name for name, in key] == ["region", "id", "day"], "V-11: the key became the primary key, in its order"


def test_columns_that_only_the_record_key_has_are_loaded_from_it(streams, schemas, topic, millrace, target):
    """F-24: a key column absent from the value is taken from the key."""
    name = topic("orders")
    streams.create(name)
    value = {"type": "record", "name": "V", "fields": [{"name": "a", "type": "string"}]}
    value_id = schemas.register(f"{name}-value", value)
    keys = PlainTable(schemas, name, [("id", "int"), ("part", "string")], ["id", "part"])
    records = [Record(name, keys.key_bytes({"id": i, "part": "p"}), confluent(value_id, datum(value, {"a": f"v{i}"})))
               for i in range(3)]
    gone = Record(name, keys.key_bytes({"id": 1, "part": "p"}), None)
    streams.produce(*records, gone)
    millrace([{"topic": name, "table": "orders"}]).load_to_end()
    assert sorted(target.rows("orders", ["id", "part", "a"])) == [(0, "p", "v0"), (2, "p", "v2")]


def test_the_key_can_be_taken_from_named_columns_of_the_value(streams, schemas, topic, millrace, target):
    """F-23, F-30: no record key; key_source and key_columns name the columns."""
    name = topic("orders")
    streams.create(name)
    table = PlainTable(schemas, name, TEXT, [])
    streams.produce(table.put(texts(1)), table.put(texts(2)), table.put(texts(1, "x2")))
    millrace([{"topic": name, "table": "orders", "key_source": "value", "key_columns": ["id"]}]).load_to_end()
    assert sorted(target.rows("orders", TEXT_NAMES)) == [(1, "x2", "y"), (2, "x", "y")]


def test_two_topics_fill_one_table_when_it_is_shared(debezium, streams, millrace, target):
    """I-08, table_shared = true."""
    north, south = debezium("north"), debezium("south")
    model = Model(TEXT_NAMES)
    for i in range(50):
        streams.send(north.create(texts(i, "north")), south.create(texts(1000 + i, "south")), model=model)
    streams.produce(north.delete(texts(3)), south.update(texts(1003, "s2")), model=model)
    millrace([{"topic": t.topic, "table": "orders", "table_shared": True} for t in (north, south)]).load_to_end()
    model.check(target.rows("orders", TEXT_NAMES))


def test_two_routes_for_one_table_are_refused_at_the_start_unless_it_is_shared(debezium, streams, millrace, target):
    """I-08: the configuration shows it already: exit 78, and nothing is loaded."""
    north, south = debezium("north"), debezium("south")
    streams.produce(north.create(texts(1)), south.create(texts(1, "other")))
    one = millrace([{"topic": t.topic, "table": "orders"} for t in (north, south)])
    one.load_to_end(expect=78)
    said = one.log_text()
    assert "config.invalid" in said and "table_shared" in said and "orders" in said
    assert not target.exists("orders")


def test_two_topics_that_an_expression_leads_to_one_table_hold_the_second(debezium, streams, millrace, target):
    """I-08: seen only when the topics are: HALT identifier.collision, exit 75; the first topic's rows land alone."""
    tables = [debezium("north"), debezium("south")]
    prefix = tables[0].topic.split(".", maxsplit=1)[0]
    streams.produce(*(t.create(texts(i, t.topic)) for i, t in enumerate(tables)))
    one = millrace([{"topic_regex": f"^{prefix}\\.public\\.(north|south)$", "table": "orders"}])
    one.load_to_end(expect=75)
    assert "identifier.collision" in one.error_codes()
    topics = {a for _, a in target.rows("orders", ["id", "a"])}
    assert len(topics) == 1, topics


def test_a_regex_routes_each_topic_to_the_table_that_its_group_names(debezium, streams, millrace, target):
    """Design 5: the first match wins, the whole name must match, $1 is the group."""
    tables = {name: debezium(name) for name in ("orders", "customers", "items_old")}
    prefix = tables["orders"].topic.split(".", maxsplit=1)[0]
    for i, table in enumerate(tables.values()):
        streams.send(table.create(texts(i, table.topic)))
    streams.flush()
    routes = [{"topic": tables["customers"].topic, "table": "clients"},
              {"topic_regex": f"^{prefix}\\.public\\.([a-z]+)$", "table": "$1"}]
    millrace(routes).load_to_end()
    assert target.rows("orders", ["id"]) == [(0,)]
    assert target.rows("clients", ["id"]) == [(1,)]
    assert not target.exists("customers") and not target.exists("items_old")


def test_a_regex_takes_up_a_topic_that_is_made_later(debezium, streams, millrace, target):
    """Design 5: a running instance finds new topics that its expression matches."""
    first = debezium("first")
    prefix = first.topic.split(".", maxsplit=1)[0]
    streams.produce(first.create(texts(1)))
    one = millrace([{"topic_regex": f"^{prefix}\\.public\\.(.*)$", "table": "$1"}]).start()
    target.await_loaded(streams, first.topic, alive=one.must_run)
    later = debezium("later")
    streams.produce(later.create(texts(2)))
    target.await_loaded(streams, later.topic, alive=one.must_run)
    assert target.rows("later", ["id"]) == [(2,)]
    one.stop()


def test_a_regex_never_takes_the_dead_letter_topic_or_hidden_ones(debezium, streams, millrace, target):
    """Design 5: dlq.topic, names that begin with _, and Debezium's own topics (E-16 to E-19)."""
    table = debezium("orders")
    prefix = table.topic.split(".", maxsplit=1)[0]
    others = [f"_{prefix}", f"{prefix}.dlq", f"__debezium-heartbeat.{prefix}", f"{prefix}.transaction"]
    streams.create(*others)
    for name in others:
        streams.send(Record(name, b"k", b"junk"))
    streams.produce(table.create(texts(1)))
    everything = f"^(.*[_.-])?{prefix}(\\..*)?$"
    millrace([{"topic_regex": everything, "table": "all_of_it"}], pipeline=prefix).load_to_end()
    assert target.rows("all_of_it", TEXT_NAMES) == [(1, "x", "y")]
    for name in others:
        assert target.positions(name) == {} and target.letters(name) == []


def test_eight_partitions_are_all_loaded_each_with_its_position(streams, schemas, topic, millrace, target):
    """G-05, design 4: order per key, a position for each partition."""
    name = topic("orders")
    streams.create(name, partitions=8)
    work = Workload(schemas, name, n_keys=400, seed=8)
    work.run(streams, 4000)
    millrace([{"topic": name, "table": "orders"}]).load_to_end()
    work.model.check(target.rows("orders", NAMES))
    assert target.positions(name) == streams.ends(name)


def test_the_table_is_created_from_the_schema_with_the_key_as_primary_key(debezium, streams, millrace, target):
    """V-11, T-01 to T-08, S-14: column order, types, NOT NULL for key columns only."""
    columns = [("id", "long"), ("flag", "boolean"), ("n", "int"), ("r", "float"), ("d", opt("double")),
               ("s", "string"), ("raw", opt("bytes")),
               ("price", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2,
                          "connect.name": "org.apache.kafka.connect.data.Decimal", "connect.version": 1,
                          "connect.parameters": {"scale": "2", "connect.decimal.precision": "9"}}),
               ("day", {"type": "int", "connect.name": "io.debezium.time.Date", "connect.version": 1}),
               ("at", {"type": "long", "connect.name": "io.debezium.time.MicroTimestamp", "connect.version": 1}),
               ("zoned", {"type": "string", "connect.name": "io.debezium.time.ZonedTimestamp"}),
               ("u", {"type": "string", "connect.name": "io.debezium.data.Uuid", "connect.version": 1}),
               ("j", opt({"type": "string", "connect.name": "io.debezium.data.Json", "connect.version": 1}))]
    table = debezium(columns=columns)
    from decimal import Decimal
    streams.produce(table.create({
        "id": 1, "flag": True, "n": -5, "r": 0.5, "d": None, "s": "é", "raw": b"\x00\xff",
        "price": Decimal("12345.60"), "day": 19723, "at": 1_700_000_000_123_456,
        "zoned": "2016-11-04T11:51:30.123456Z", "u": "b68a35a7-17ad-35b3-af2a-ae46edb4545a", "j": '{"k": [1, 2]}'}))
    millrace([{"topic": table.topic, "table": "orders"}]).load_to_end()
    shape = target.query("SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute "
                         "WHERE attrelid = 'orders'::regclass AND attnum > 0 ORDER BY attnum")
    assert shape == [
        ("id", "bigint", True), ("flag", "boolean", False), ("n", "integer", False), ("r", "real", False),
        ("d", "double precision", False), ("s", "text", False), ("raw", "bytea", False),
        ("price", "numeric(9,2)", False), ("day", "date", False), ("at", "timestamp without time zone", False),
        ("zoned", "timestamp with time zone", False), ("u", "uuid", False), ("j", "jsonb", False)]
    found = target.query("SELECT id, flag, n, r, d, s, raw, price::text, day::text, at::text, "
                         "(zoned AT TIME ZONE 'UTC')::text, u::text, j::text FROM orders")
    assert found == [(1, True, -5, 0.5, None, "é", b"\x00\xff", "12345.60", "2024-01-01",
                      "2023-11-14 22:13:20.123456", "2016-11-04 11:51:30.123456",
                      "b68a35a7-17ad-35b3-af2a-ae46edb4545a", '{"k": [1, 2]}')]


def test_the_default_table_name_comes_from_the_topic(debezium, streams, millrace, target):
    """I-01: server.schema.table gives schema and table."""
    table = debezium("Orders")
    streams.produce(table.create(texts(1)))
    millrace([{"topic": table.topic}]).load_to_end()
    assert target.rows("Orders", TEXT_NAMES, schema="public") == [(1, "x", "y")]


def test_a_new_field_becomes_a_column_and_old_rows_stay_null(debezium, plain, streams, schemas, millrace, target):
    """V-01, V-19, case 146: both schemas in one batch."""
    table = debezium()
    streams.produce(table.create(texts(1)), table.create(texts(2)))
    wider = DebeziumTable(schemas, table.topic, [*TEXT, ("c", opt("long"))], ["id"])
    streams.produce(wider.create({**texts(3), "c": 7}), wider.update({**texts(1, "x2"), "c": 8}))
    millrace([{"topic": table.topic, "table": "orders"}]).load_to_end()
    rows = sorted(target.rows("orders", [*TEXT_NAMES, "c"]))
    assert rows == [(1, "x2", "y", 8), (2, "x", "y", None), (3, "x", "y", 7)]


def test_a_field_that_is_gone_leaves_its_column_as_it_was(debezium, streams, schemas, millrace, target):
    """V-02, case 148."""
    table = debezium()
    narrower = DebeziumTable(schemas, table.topic, TEXT[:2], ["id"])
    streams.produce(table.create(texts(1)), narrower.update({"id": 1, "a": "x2"}))
    one = millrace([{"topic": table.topic, "table": "orders"}])
    one.load_to_end()
    streams.produce(narrower.update({"id": 1, "a": "x3"}), narrower.create({"id": 2, "a": "n"}))
    one.load_to_end()
    assert sorted(target.rows("orders", TEXT_NAMES)) == [(1, "x3", "y"), (2, "n", None)]


def test_a_change_of_the_primary_key_moves_the_row(debezium, streams, millrace, target):
    """E-13."""
    table = debezium()
    model = Model(TEXT_NAMES)
    streams.produce(table.create(texts(1)), *table.key_change(texts(1), texts(2)), model=model)
    millrace([{"topic": table.topic, "table": "orders"}]).load_to_end()
    model.check(target.rows("orders", TEXT_NAMES))


def test_append_has_one_row_for_each_change(debezium, streams, millrace, target):
    """R-26: c, u, d and r are rows with _op; a tombstone of an envelope topic is not."""
    table = debezium()
    streams.produce(table.create(texts(1)), table.update(texts(1, "x2")), table.update(texts(1, "x2")),
                    table.delete(texts(1)), table.tombstone(texts(1)), table.read(texts(2)))
    millrace([{"topic": table.topic, "table": "log", "strategy": "append"}]).load_to_end()
    assert difference([(1, "x", "c"), (1, "x2", "u"), (1, "x2", "u"), (1, None, "d"), (2, "x", "r")],
                      target.rows("log", ["id", "a", "_op"]), ["id", "a", "_op"]) == ""
    assert target.positions(table.topic) == {0: 6}


def test_a_tombstone_of_a_plain_topic_is_a_row_of_append(plain, streams, millrace, target):
    """R-26."""
    table = plain()
    streams.produce(table.put(texts(1)), table.tombstone(texts(1)))
    millrace([{"topic": table.topic, "table": "log", "strategy": "append"}]).load_to_end()
    rows = target.rows("log", ["id", "a", "_op"])
    assert (1, None, "d") in rows and len(rows) == 2


def test_meta_columns_tell_where_a_row_came_from(debezium, streams, millrace, target):
    """Design 5: meta = from _topic, _partition, _offset, _op."""
    table = debezium(partitions=2)
    streams.produce(*(table.create(texts(i)) for i in range(20)))
    names = {"_topic": "k_topic", "_partition": "k_part", "_offset": "k_offset", "_op": "k_op"}
    meta = [{"from": source, "name": name} for source, name in names.items()]
    millrace([{"topic": table.topic, "table": "orders", "meta": meta}]).load_to_end()
    rows = target.rows("orders", ["k_topic", "k_part", "k_offset", "k_op"])
    ends = streams.ends(table.topic)
    expected = [(table.topic, p, o, "c") for p, end in ends.items() for o in range(end)]
    assert sorted(rows) == sorted(expected)


def test_include_exclude_and_renamed_columns(debezium, streams, millrace, target):
    """Design 5, I-06: exclude leaves a field out, columns renames."""
    table = debezium()
    streams.produce(table.create(texts(1)))
    millrace([{"topic": table.topic, "table": "orders", "exclude": ["b"],
               "columns": [{"field": "a", "name": "Weird Name"}]}]).load_to_end()
    shape = target.query("SELECT attname FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attnum > 0 "
                         "ORDER BY attnum")
    assert [name for name, in shape] == ["id", "Weird Name"]
    assert target.rows("orders", ["id", "Weird Name"]) == [(1, "x")]


def test_an_existing_table_is_loaded_as_it_is(debezium, streams, millrace, target):
    """I-11, X-01, X-09: columns by name, narrower and wider types by value."""
    target.run("CREATE TABLE orders(extra int DEFAULT 7, b varchar(3), a text, id bigint PRIMARY KEY)")
    table = debezium()
    streams.produce(table.create(texts(1)), table.create(texts(2, "x", "toolong")), table.create(texts(3)))
    millrace([{"topic": table.topic, "table": "orders"}]).load_to_end()
    assert sorted(target.rows("orders", ["id", "a", "b", "extra"])) == [(1, "x", "y", 7), (3, "x", "y", 7)]
    assert target.codes(table.topic) == [(1, "value.too_long")]


def test_a_dead_letter_keeps_the_record_as_it_was(plain, streams, millrace, target):
    """Design 6, P4: raw key, value and headers, code and place; the neighbours land."""
    table = plain()
    good = table.put(texts(1))
    bad = Record(table.topic, table.key_bytes(texts(2)), table.put(texts(2)).value + b"\x00",
                 [("trace", b"\x01\x02"), ("none", None)])
    streams.produce(good, bad, table.put(texts(3)))
    millrace([{"topic": table.topic, "table": "orders"}]).load_to_end()
    assert sorted(target.rows("orders", ["id"])) == [(1,), (3,)]
    letter, = target.letters(table.topic)
    assert (letter["partition"], letter["offset"], letter["code"]) == (0, 1, "avro.trailing")
    assert bytes(letter["key"]) == bad.key and bytes(letter["value"]) == bad.value
    assert "AQI=" in str(letter["headers"]) and "trace" in str(letter["headers"])
    assert letter["target_table"].endswith("orders")


def test_records_of_an_aborted_transaction_are_never_loaded(plain, streams, kafka, millrace, target):
    """F-16: read_committed; the run ends although the topic ends in control records."""
    from confluent_kafka import Producer
    table = plain()
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": table.topic, "log_level": 0})
    producer.init_transactions(30)
    for number, commit in [(1, True), (2, False), (3, True), (4, False)]:
        producer.begin_transaction()
        record = table.put(texts(number))
        producer.produce(record.topic, value=record.value, key=record.key)
        producer.flush(30)
        if commit:
            producer.commit_transaction(30)
        else:
            producer.abort_transaction(30)
    one = millrace([{"topic": table.topic, "table": "orders"}])
    one.load_to_end()
    assert sorted(target.rows("orders", ["id"])) == [(1,), (3,)]
    assert 5 <= target.positions(table.topic)[0] <= streams.ends(table.topic)[0] == 8


def test_an_empty_topic_is_caught_up_at_once(debezium, millrace, target):
    table = debezium()
    millrace([{"topic": table.topic, "table": "orders"}]).load_to_end(timeout_s=60)
    assert target.letters(table.topic) == []


def test_a_running_instance_loads_what_arrives_and_ends_well_on_sigterm(debezium, streams, millrace, target):
    """Design 4, stop: exit 0, everything read is committed."""
    table = debezium()
    one = millrace([{"topic": table.topic, "table": "orders"}]).start().await_ready()
    for i in range(3):
        streams.produce(table.create(texts(i)))
        await_(lambda n=i: target.count("orders") == n + 1, 30, lambda: f"row\n{one.log_tail()}", one.must_run)
    one.stop(expect=0)
    assert target.positions(table.topic) == {0: 3}


def test_a_bad_record_held_by_stop_lets_the_other_partitions_go_on(plain, streams, millrace, target):
    """POISON with on_bad_record = stop: everything before it lands, its partition waits at it."""
    table = plain(partitions=2)
    good = [table.put(texts(i)) for i in range(10)]
    for i, record in enumerate(good):
        record.partition = i % 2
    bad = Record(table.topic, good[0].key, b"\x07junk", partition=0)
    late = table.put(texts(99))
    late.partition = 0
    streams.produce(*good, bad, late)
    one = millrace([{"topic": table.topic, "table": "orders", "on_bad_record": "stop"}])
    one.load_to_end(expect=75)
    assert "framing.unknown_magic" in one.error_codes()
    assert target.positions(table.topic) == {0: 5, 1: 5}
    assert sorted(target.rows("orders", ["id"])) == [(i,) for i in range(10)]
    assert target.letters(table.topic) == []


def test_bad_records_can_be_skipped(plain, streams, millrace, target):
    """on_bad_record = skip: counted, no letter."""
    table = plain()
    streams.produce(table.put(texts(1)), Record(table.topic, b"k", b"\x07junk"), table.put(texts(2)))
    millrace([{"topic": table.topic, "table": "orders", "on_bad_record": "skip"}]).load_to_end()
    assert target.count("orders") == 2
    assert target.letters(table.topic) == [] and target.positions(table.topic) == {0: 3}


