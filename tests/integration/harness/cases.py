"""The conformance cases of contract.md section 10 that one process can answer: 1 to 76 with 80, 81
and 90, without 17 to 19, which need a registry of their own.

Each case has a topic, a route and a table of its own; one process loads them all, so that sixty
cases cost little more than one. A case is a function that makes its records and says what must come
of them; its first words are those of the contract.
"""

import dataclasses
import json
import typing

from . import wire
from .schemas import DebeziumTable, PlainTable, RegistryClient, Record, opt

FIXTURE = "CREATE TABLE {table}(id int PRIMARY KEY, a text, b text)"
COLUMNS = [("id", "int"), ("a", opt("string")), ("b", opt("string"))]
UNKNOWN_ID = 990_099


@dataclasses.dataclass
class Case:
    """What a case is made of and what must come of it.

    ddl       the table made beforehand; None: millrace creates it
    rows      the table's content, by `query` (None: not compared)
    letters   (offset, code) of each dead letter
    position  the next offset at the end; None: behind the last record
    halt      the code that must be logged for the topic, which then holds at `position`
    check     called with (target, lab) for what the fields cannot say
    """

    records: list[Record]
    rows: list[tuple] | None = None
    letters: list[tuple[int, str]] = dataclasses.field(default_factory=list)
    route: dict = dataclasses.field(default_factory=dict)
    ddl: str | None = FIXTURE
    pre: list[tuple] = dataclasses.field(default_factory=list)
    query: str = "SELECT * FROM {table} ORDER BY 1"
    position: int | None = None
    halt: str | None = None
    check: typing.Callable | None = None

    @property
    def end(self) -> int:
        return len(self.records) if self.position is None else self.position


class Lab:
    """What the cases share: the stub registry, and names by number."""

    def __init__(self, stub, prefix: str, long_form: bool = False):
        self.stub = stub
        self.client = RegistryClient(stub.url)
        self.prefix = prefix
        self.long_form = long_form

    def table_name(self, number: int) -> str:
        return f"case_{number:02d}"

    def topic(self, number: int) -> str:
        return f"{self.prefix}.public.{self.table_name(number)}"

    def envelope(self, number: int, columns=None, key=("id",)) -> DebeziumTable:
        return DebeziumTable(self.client, self.topic(number), columns or COLUMNS, key)

    def plain(self, number: int, columns=None, key=("id",)) -> PlainTable:
        return PlainTable(self.client, self.topic(number), columns or COLUMNS, key)

    def register(self, number: int, schema, **more) -> int:
        return self.stub.register(f"{self.topic(number)}-value", schema, **more)

    def raw(self, number: int, x_type, *bodies: bytes, schema: dict | None = None) -> list[Record]:
        """Plain records {id, x} whose x is given as bytes: record i has id i and that body."""
        keys = self.plain(number, [("id", "int")])
        schema = schema or {"type": "record", "name": "X", "fields": [
            {"name": "id", "type": "int"}, {"name": "x", "type": x_type}]}
        schema_id = self.register(number, schema)
        return [Record(self.topic(number), keys.key_bytes({"id": i}),
                       wire.confluent(schema_id, wire.zigzag(i) + body)) for i, body in enumerate(bodies)]


def row(number: int, a: str | None = "x", b: str | None = "y") -> dict:
    return {"id": number, "a": a, "b": b}


CASES: dict[int, tuple[str, typing.Callable[[Lab, int], Case]]] = {}


def case(number: int, title: str):
    def keep(build):
        CASES[number] = (title, build)
        return build
    return keep


def poison(number: int, title: str, code: str, x_type, *bodies: bytes) -> None:
    """A case in which plain records {id, x} are all dead letters with one code."""
    @case(number, title)
    def build(lab: Lab, n: int) -> Case:
        return Case(lab.raw(n, x_type, *bodies), rows=[], ddl="CREATE TABLE {table}(id int PRIMARY KEY)",
                    query="SELECT id FROM {table}", letters=[(i, code) for i in range(len(bodies))])


def value(number: int, title: str, x_type, body: bytes, expected) -> None:
    """A case in which one plain record {0, x} becomes the row (0, expected)."""
    @case(number, title)
    def build(lab: Lab, n: int) -> Case:
        return Case(lab.raw(n, x_type, body), rows=[(0, expected)], ddl=None, query="SELECT id, x FROM {table}")


# -- framing
@case(1, "F-03 confluent v0 gives a row")
def _(lab, n):
    return Case([lab.envelope(n).create(row(1))], [(1, "x", "y")])


def one_value(number: int, title: str, code: str, octets: bytes, hint: str = "") -> None:
    """A case whose first value is bad, and whose second lands all the same."""
    @case(number, title)
    def build(lab: Lab, n: int) -> Case:
        table = lab.envelope(n)
        bad = Record(table.topic, table.key_bytes(row(1)), octets)

        def check(target, _lab):
            detail, = [letter["detail"] for letter in target.letters(table.topic)]
            assert hint.lower() in detail.lower(), f"the detail should hint at {hint}: {detail}"
        return Case([bad, table.create(row(2))], [(2, "x", "y")], [(0, code)], check=check if hint else None)


one_value(2, "F-03 value 00 0000 is framing.truncated", "framing.truncated", b"\x00\x00\x00")


@case(3, "F-02 value of length 0 is framing.empty and deletes nothing")
def _(lab, n):
    table = lab.envelope(n)
    return Case([Record(table.topic, table.key_bytes(row(1)), b"")], [(1, "x", "y")],
                [(0, "framing.empty")], pre=[(1, "x", "y")])


@case(4, "F-01 null value deletes")
def _(lab, n):
    table = lab.envelope(n)
    return Case([table.tombstone(row(1))], [], pre=[(1, "x", "y")])


@case(5, "F-31 null key and null value is skipped")
def _(lab, n):
    return Case([Record(lab.topic(n), None, None)], [(1, "x", "y")], pre=[(1, "x", "y")])


one_value(6, "F-10 a JSON text is framing.unknown_magic with the hint JSON", "framing.unknown_magic",
          b'{"id":1}', hint="JSON")


@case(7, "F-03 id 0 is framing.bad_id without a request")
def _(lab, n):
    table = lab.envelope(n)

    def check(_target, the_lab):
        assert not the_lab.stub.asked(r"/schemas/ids/0$")
    return Case([Record(table.topic, table.key_bytes(row(1)), wire.confluent(0, b"\x02"))], [],
                [(0, "framing.bad_id")], check=check)


one_value(8, "F-03 id bytes FFFFFFFF are framing.bad_id", "framing.bad_id", wire.confluent(-1, b"\x02"))


@case(9, "F-04 confluent v1 is looked up by its GUID")
def _(lab, n):
    table = lab.plain(n)
    guid = lab.stub.guid(table.value_id)
    octets = wire.confluent_v1(guid, wire.datum(table.value_schema, row(1)))

    def check(_target, the_lab):
        assert the_lab.stub.asked(f"/schemas/guids/{guid}")
    return Case([Record(table.topic, table.key_bytes(row(1)), octets)], [(1, "x", "y")], check=check)


def in_header(number: int, title: str, headers) -> None:
    """A case whose payload is a bare datum that begins with 00, named by headers(stub, schema id)."""
    @case(number, title)
    def build(lab: Lab, n: int) -> Case:
        table = lab.plain(n)
        body = wire.datum(table.value_schema, row(0))
        assert body[0] == 0
        named = headers(lab.stub, table.value_id)
        return Case([Record(table.topic, table.key_bytes(row(0)), body, named)], [(0, "x", "y")])


in_header(10, "F-05 header with a GUID and a bare payload",
          lambda stub, i: [("__value_schema_id", wire.header_guid(stub.guid(i)))])
in_header(11, "F-05 header with an id and a bare payload",
          lambda _stub, i: [("__value_schema_id", wire.header_id(i))])
in_header(12, "F-06 of two headers the last one wins",
          lambda _stub, i: [("__value_schema_id", b"\x00bad"), ("__value_schema_id", wire.header_id(i))])


@case(13, "F-05 an empty header value is framing.bad_header")
def _(lab, n):
    table = lab.plain(n)
    record = Record(table.topic, table.key_bytes(row(1)), wire.datum(table.value_schema, row(1)),
                    [("__value_schema_id", b"")])
    return Case([record], [], [(0, "framing.bad_header")])


@case(14, "F-05 key in v0 and value in header form")
def _(lab, n):
    table = lab.plain(n)
    record = Record(table.topic, table.key_bytes(row(5)), wire.datum(table.value_schema, row(5)),
                    [("__value_schema_id", wire.header_id(table.value_id))])
    return Case([record], [(5, "x", "y")])


@case(15, "H-03 an unknown id is schema.unknown_id and the neighbours land")
def _(lab, n):
    table = lab.envelope(n)
    bad = Record(table.topic, table.key_bytes(row(2)), wire.confluent(UNKNOWN_ID, b"\x02"))

    def check(_target, the_lab):
        asked = the_lab.stub.asked(f"/schemas/ids/{UNKNOWN_ID}$")
        assert len(asked) >= 5, "asked again, as the registry's leader may lag"
    return Case([table.create(row(1)), bad, table.create(row(3))], [(1, "x", "y"), (3, "x", "y")],
                [(1, "schema.unknown_id")], check=check)


@case(16, "H-08 a registry that answers 500 is asked until it answers")
def _(lab, n):
    from stack import Fault
    table = lab.plain(n)
    times = 20 if lab.long_form else 6
    fault = lab.stub.fault(Fault(f"/schemas/ids/{table.value_id}$", status=500, error_code=50001, times=times))

    def check(_target, _lab):
        assert fault.times == 0
    return Case([table.put(row(1))], [(1, "x", "y")], check=check)


@case(20, "F-12 a Protobuf schema is schema.unsupported_type")
def _(lab, n):
    table = lab.envelope(n)
    schema_id = lab.stub.register("proto", 'syntax = "proto3"; message M { int32 id = 1; }', schema_type="PROTOBUF")
    return Case([Record(table.topic, table.key_bytes(row(1)), wire.confluent(schema_id, b"\x00\x08\x01"))], [],
                [(0, "schema.unsupported_type")])


@case(21, "F-41 a schema with references two deep gives a row")
def _(lab, n):
    unit = {"type": "record", "name": "Unit", "namespace": "ref", "fields": [{"name": "code", "type": "string"}]}
    money = {"type": "record", "name": "Money", "namespace": "ref",
             "fields": [{"name": "amount", "type": "long"}, {"name": "unit", "type": "ref.Unit"}]}
    lab.stub.register("ref-unit", unit)
    lab.stub.register("ref-money", money, references=[{"name": "ref.Unit", "subject": "ref-unit", "version": 1}])
    keys = lab.plain(n, [("id", "int")])
    top = {"type": "record", "name": "Priced", "fields": [
        {"name": "id", "type": "int"}, {"name": "x", "type": "ref.Money"}]}
    schema_id = lab.register(n, top, references=[{"name": "ref.Money", "subject": "ref-money", "version": 1}])
    body = wire.zigzag(1) + wire.zigzag(950) + wire.string("EUR")
    return Case([Record(keys.topic, keys.key_bytes({"id": 1}), wire.confluent(schema_id, body))],
                [(1, {"amount": 950, "unit": {"code": "EUR"}})], ddl=None, query="SELECT id, x FROM {table}")


@case(22, "F-41 a cycle of references is schema.bad_reference")
def _(lab, n):
    lab.stub.register("cycle-a", {"type": "record", "name": "A", "namespace": "cyc",
                                  "fields": [{"name": "b", "type": ["null", "cyc.B"]}]},
                      references=[{"name": "cyc.B", "subject": "cycle-b", "version": 1}])
    lab.stub.register("cycle-b", {"type": "record", "name": "B", "namespace": "cyc",
                                  "fields": [{"name": "a", "type": ["null", "cyc.A"]}]},
                      references=[{"name": "cyc.A", "subject": "cycle-a", "version": 1}])
    table = lab.envelope(n)
    schema_id = lab.register(n, {"type": "record", "name": "Top", "fields": [
        {"name": "id", "type": "int"}, {"name": "x", "type": "cyc.A"}]},
        references=[{"name": "cyc.A", "subject": "cycle-a", "version": 1}])
    return Case([Record(table.topic, table.key_bytes(row(1)), wire.confluent(schema_id, b"\x02\x00"))], [],
                [(0, "schema.bad_reference")])


one_value(23, "F-13 an Avro container file is framing.unknown_magic with the hint OCF", "framing.unknown_magic",
          b"Obj\x01\x04\x16avro.schema", hint="OCF")


def no_id_schema() -> dict:
    return {"type": "record", "name": "AB", "fields": [{"name": "a", "type": "string"}, {"name": "b", "type": "string"}]}


@case(24, "F-22 an int32 key names the row")
def _(lab, n):
    schema_id = lab.register(n, no_id_schema())
    octets = wire.confluent(schema_id, wire.string("x") + wire.string("y"))
    return Case([Record(lab.topic(n), b"\x00\x00\x00\x07", octets)], [(7, "x", "y")], route={"key_format": "int32"})


@case(25, "F-22 an int32 key of three bytes is framing.bad_key")
def _(lab, n):
    schema_id = lab.register(n, no_id_schema())
    octets = wire.confluent(schema_id, wire.string("x") + wire.string("y"))
    return Case([Record(lab.topic(n), b"\x00\x00\x07", octets)], [], [(0, "framing.bad_key")],
                route={"key_format": "int32"})


def primitive_key(lab: Lab, n: int, number: int) -> bytes:
    key_id = lab.stub.register(f"{lab.topic(n)}-key", '"long"')
    return wire.confluent(key_id, wire.zigzag(number))


@case(26, "F-21 a primitive key takes the name of the one key column")
def _(lab, n):
    table = lab.envelope(n)

    def keyed(record, number):
        record.key = primitive_key(lab, n, number)
        return record
    return Case([keyed(table.create(row(7)), 7), keyed(table.create(row(8)), 8), keyed(table.update(row(7, "x2")), 7),
                 keyed(table.delete(row(8)), 8)], [(7, "x2", "y")])


@case(27, "F-21 a primitive key and a key of two columns is HALT key.unnamed")
def _(lab, n):
    table = lab.envelope(n)
    record = table.create(row(7))
    record.key = primitive_key(lab, n, 7)
    return Case([record], [], ddl="CREATE TABLE {table}(id int, a text, b text, PRIMARY KEY (a, b))",
                halt="key.unnamed", position=0)


@case(28, "F-24 key and value that disagree are key.mismatch")
def _(lab, n):
    table = lab.envelope(n)
    record = table.create(row(2))
    record.key = table.key_bytes(row(1))
    return Case([record, table.create(row(3))], [(3, "x", "y")], [(0, "key.mismatch")])


def hundred(lab: Lab, n: int) -> list[Record]:
    table = lab.envelope(n)
    records = [table.create(row(i)) for i in range(100)]
    records[50].value = records[50].value + b"\x00"
    return records


@case(29, "S-43 one bad record of a hundred is the only dead letter")
def _(lab, n):
    return Case(hundred(lab, n), [(i, "x", "y") for i in range(100) if i != 50], [(50, "avro.trailing")])


@case(30, "S-43 on_bad_record stop holds the partition at the bad record")
def _(lab, n):
    return Case(hundred(lab, n), [(i, "x", "y") for i in range(50)], route={"on_bad_record": "stop"},
                halt="avro.trailing", position=50)


# -- Avro
poison(31, "S-06 union index 2 of 2 branches", "avro.bad_union_index", ["null", "string"], b"\x04\x02q")
poison(32, "S-39 boolean byte 02", "avro.boolean", "boolean", b"\x02")


@case(33, "S-30 the smallest and the largest long")
def _(lab, n):
    bodies = [bytes.fromhex("ffffffffffffffffff01"), bytes.fromhex("feffffffffffffffff01")]
    return Case(lab.raw(n, "long", *bodies), [(0, -1 << 63), (1, (1 << 63) - 1)], ddl=None,
                query="SELECT id, x FROM {table} ORDER BY id")


poison(34, "S-30 a tenth byte of 02", "avro.varint", "long", b"\xff" * 9 + b"\x02")
poison(35, "S-30 eleven continuation bytes", "avro.varint", "long", b"\x80" * 11 + b"\x00")
poison(36, "S-31 an int of 2147483648", "avro.varint", "int", bytes.fromhex("8080808010"))
value(37, "S-32 a varint that is longer than needed", "long", b"\x80\x00", 0)
INTS = {"type": "array", "items": "int"}
poison(38, "S-33 block count INT64_MIN", "avro.block_count", INTS, bytes.fromhex("ffffffffffffffffff01") + b"\x00\x00")
value(39, "S-33 a negative block count with its size", INTS, bytes.fromhex("0304020400"), [1, 2])
poison(40, "S-34 a block size that is not what the items use", "avro.block_size", INTS, bytes.fromhex("0306020400"))
poison(41, "S-35 2^40 items in ten bytes", "avro.block_count", {"type": "array", "items": "long"},
       wire.zigzag(1 << 40) + b"\x02" * 9 + b"\x00")
poison(42, "S-36 10^9 nulls", "avro.block_count", {"type": "array", "items": "null"}, wire.zigzag(10 ** 9) + b"\x00")
poison(43, "S-36 65537 empty records in two blocks", "avro.block_count",
       {"type": "array", "items": {"type": "record", "name": "E", "fields": []}},
       wire.zigzag(65536) + wire.zigzag(1) + b"\x00")
poison(44, "S-38 string length -1", "avro.length", "string", b"\x01")
poison(45, "S-41 overlong UTF-8", "value.utf8", "string", wire.string(b"\xc0\x80"))
poison(46, "S-41 a surrogate in UTF-8", "value.utf8", "string", wire.string(b"\xed\xa0\x80"))


@case(47, "S-41 bad UTF-8 in a column that is not mapped")
def _(lab, n):
    return Case(lab.raw(n, "string", wire.string(b"\xed\xa0\x80"), wire.string(b"\xc0\x80")), [(0,), (1,)],
                route={"exclude": ["x"]}, ddl=None, query="SELECT id FROM {table} ORDER BY id")


poison(48, "S-40 enum index 3 of 3", "avro.enum_index",
       {"type": "enum", "name": "Colour", "symbols": ["RED", "GREEN", "BLUE"]}, b"\x06")


@case(49, "S-10 S-45 a list of depth 64 is jsonb and one of 65 is avro.depth")
def _(lab, n):
    node = {"type": "record", "name": "Node", "fields": [
        {"name": "id", "type": "int"}, {"name": "next", "type": ["null", "Node"], "default": None}]}

    def linked(first: int, depth: int) -> bytes:
        links = b"".join(b"\x02" + wire.zigzag(first + i) for i in range(1, depth))
        return links + b"\x00"
    records = lab.raw(n, None, linked(0, 64), linked(1, 65), schema=node)

    def check(target, the_lab):
        (found,), = target.query(f"SELECT next FROM {the_lab.table_name(n)}")
        depth = 1
        while found is not None:
            assert found["id"] == depth
            found, depth = found["next"], depth + 1
        assert depth == 64
    return Case(records, [(0,)], [(1, "avro.depth")], ddl=None, query="SELECT id FROM {table}", check=check)


poison(50, "S-42 a datum that lacks its last byte", "avro.truncated", "string", b"\x06ab")


def resolved(number: int, title: str, writer_x, body: bytes, reader_fields, rows, query, letters=()) -> None:
    """A case with a configured reader schema."""
    @case(number, title)
    def build(lab: Lab, n: int) -> Case:
        writer = {"type": "record", "name": "V", "fields": [{"name": "id", "type": "int"}, *writer_x]}
        reader = {"type": "record", "name": "V", "fields": [{"name": "id", "type": "int"}, *reader_fields]}
        return Case(lab.raw(n, None, body, schema=writer), rows, list(letters), ddl=None, query=query,
                    route={"value_schema": json.dumps(reader)})


X_QUERY = "SELECT id, x, pg_typeof(x)::text FROM {table}"
resolved(51, "S-02 writer int and reader long", [{"name": "x", "type": "int"}], wire.zigzag(5),
         [{"name": "x", "type": "long"}], [(0, 5, "bigint")], X_QUERY)
resolved(52, "S-02 writer long and reader int", [{"name": "x", "type": "long"}], wire.zigzag(5),
         [{"name": "x", "type": "int"}], [], X_QUERY, [(0, "schema.unresolvable")])
resolved(53, "S-03 a field that only the reader has takes its default", [], b"",
         [{"name": "x", "type": "string", "default": "k"}], [(0, "k", "text")], X_QUERY)
resolved(54, "S-03 a reader alias", [{"name": "old", "type": "string"}], wire.string("v"),
         [{"name": "new", "aliases": ["old"], "type": "string"}], [(0, "v")], "SELECT id, new FROM {table}")
value(55, "S-17 a union of several branches is Avro JSON", ["null", {"type": "int"}, "string"], b"\x04\x02q",
      {"string": "q"})
value(56, "S-19 of a map's equal keys the last one wins", {"type": "map", "values": "int"},
      b"\x04\x02k\x02\x02k\x04\x00", {"k": 2})
value(57, "T-07 fixed is bytea", {"type": "fixed", "name": "F", "size": 3}, b"\x01\x02\x03", b"\x01\x02\x03")


@case(58, "S-47 empty decimal bytes are zero with the scale")
def _(lab, n):
    decimal = {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}
    return Case(lab.raw(n, decimal, b"\x00"), [("0.00",)], ddl=None, query="SELECT x::text FROM {table}")


@case(59, "S-16 null on the wire is null whatever the default")
def _(lab, n):
    schema = {"type": "record", "name": "X", "fields": [
        {"name": "id", "type": "int"}, {"name": "x", "type": ["string", "null"], "default": "z"}]}
    return Case(lab.raw(n, None, b"\x02", schema=schema), [(0, None)], ddl=None, query="SELECT id, x FROM {table}")


# -- envelope and reduction
@case(60, "E-01 E-03 R-02 c then u is the last state")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.create(row(1)), t.update(row(1, "x2"))], [(1, "x2", "y")])


@case(61, "R-03 R-06 c then d then tombstone is nothing")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.create(row(1)), t.delete(row(1)), t.tombstone(row(1))], [])


@case(62, "R-04 d then tombstone then c is the new row")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.delete(row(1)), t.tombstone(row(1)), t.create(row(1))], [(1, "x", "y")], pre=[(1, "o", "o")])


@case(63, "R-03 u then d is nothing")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.update(row(1, "p", "q")), t.delete(row(1))], [], pre=[(1, "o", "o")])


@case(64, "E-04 d of a row that is not there is no error")
def _(lab, n):
    return Case([lab.envelope(n).delete(row(9))], [])


@case(65, "E-02 r three times is one row")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.read(row(1)) for _ in range(3)], [(1, "x", "y")])


def bad_envelope(number: int, title: str, code: str, op: str | None, after: dict | None, key: bool = True) -> None:
    @case(number, title)
    def build(lab: Lab, n: int) -> Case:
        t = lab.envelope(n)
        record = Record(t.topic, t.key_bytes(row(1)) if key else None, t.envelope(op, None, after))
        return Case([record, t.create(row(2))], [(2, "x", "y")], [(0, code)])


bad_envelope(66, "E-09 op x is envelope.bad_op", "envelope.bad_op", "x", row(1))
bad_envelope(67, "E-08 op c without after is envelope.missing_after", "envelope.missing_after", "c", None)
bad_envelope(68, "E-07 op d without key and before is envelope.delete_without_key", "envelope.delete_without_key",
             "d", None, key=False)


@case(69, "E-13 a change of the primary key")
def _(lab, n):
    return Case(lab.envelope(n).key_change(row(1), row(2)), [(2, "x", "y")], pre=[(1, "x", "y")])


def flattened(lab: Lab, n: int, name: str, avro_type) -> PlainTable:
    return lab.plain(n, [*COLUMNS, (name, avro_type)])


@case(70, "E-22 flattened __deleted true deletes")
def _(lab, n):
    t = flattened(lab, n, "__deleted", opt("string"))
    return Case([t.put({**row(1), "__deleted": "true"})], [], pre=[(1, "x", "y")])


@case(71, "E-23 E-25 flattened __deleted false is no column")
def _(lab, n):
    t = flattened(lab, n, "__deleted", "boolean")
    return Case([t.put({**row(1), "__deleted": False})], [(1, "x", "y")], ddl=None)


@case(72, "E-24 flattened __op d deletes")
def _(lab, n):
    t = flattened(lab, n, "__op", opt("string"))
    return Case([t.put({**row(2), "__op": "c"}), t.put({**row(1), "__op": "d"})], [(2, "x", "y")], ddl=FIXTURE,
                pre=[(1, "x", "y")])


def named(name: str, fields: list) -> dict:
    space, short = name.rsplit(".", 1)
    return {"type": "record", "name": short, "namespace": space, "connect.name": name, "fields": fields}


def control(lab: Lab, n: int, schema: dict, content: dict) -> list[Record]:
    """A record of Debezium's own, between two ordinary ones."""
    t = lab.envelope(n)
    key = {"type": "record", "name": "ControlKey", "fields": [{"name": "serverName", "type": "string"}]}
    key_id = lab.stub.register(f"{lab.topic(n)}-control-key", key)
    schema_id = lab.stub.register(f"{lab.topic(n)}-control", schema)
    own = Record(t.topic, wire.confluent(key_id, wire.string("shop")),
                 wire.confluent(schema_id, wire.datum(schema, content)))
    return [t.create(row(1)), own, t.create(row(2))]


@case(73, "E-15 a logical message is skipped")
def _(lab, n):
    schema = named("io.debezium.connector.postgresql.MessageValue", [
        {"name": "op", "type": "string"}, {"name": "ts_ms", "type": ["null", "long"], "default": None},
        {"name": "source", "type": named("io.debezium.connector.postgresql.Source", [
            {"name": "lsn", "type": ["null", "long"], "default": None}])},
        {"name": "message", "type": ["null", named("io.debezium.connector.postgresql.Message", [
            {"name": "prefix", "type": ["null", "string"], "default": None},
            {"name": "content", "type": ["null", "bytes"], "default": None}])], "default": None}])
    content = {"op": "m", "ts_ms": 1, "source": {"lsn": 5}, "message": {"prefix": "p", "content": b"c"}}
    return Case(control(lab, n, schema, content), [(1, "x", "y"), (2, "x", "y")])


@case(74, "E-16 a heartbeat is skipped")
def _(lab, n):
    schema = named("io.debezium.connector.common.Heartbeat", [{"name": "ts_ms", "type": "long"}])
    return Case(control(lab, n, schema, {"ts_ms": 1}), [(1, "x", "y"), (2, "x", "y")])


@case(75, "E-17 a schema change is skipped and changes no table")
def _(lab, n):
    schema = named("io.debezium.connector.postgresql.SchemaChangeValue", [
        {"name": "ts_ms", "type": "long"}, {"name": "databaseName", "type": ["null", "string"], "default": None},
        {"name": "schemaName", "type": ["null", "string"], "default": None},
        {"name": "ddl", "type": ["null", "string"], "default": None},
        {"name": "tableChanges", "type": {"type": "array", "items": "string"}}])
    content = {"ts_ms": 1, "databaseName": "d", "schemaName": "public", "ddl": "DROP TABLE case_75", "tableChanges": []}
    return Case(control(lab, n, schema, content), [(1, "x", "y"), (2, "x", "y")])


@case(76, "E-14 truncate skip leaves the rows")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.truncate(), t.create(row(2))], [(1, "x", "y"), (2, "x", "y")], pre=[(1, "x", "y")],
                route={"truncate": "skip"})


@case(80, "E-40 two equal records of a keyless table are two rows")
def _(lab, n):
    t = lab.envelope(n, key=())
    return Case([t.create(row(1)), t.create(row(1))], [(1, "x", "y"), (1, "x", "y")],
                ddl="CREATE TABLE {table}(id int, a text, b text)")


@case(81, "E-40 u of a keyless table is envelope.keyless_change")
def _(lab, n):
    t = lab.envelope(n, key=())
    return Case([t.create(row(1)), t.update(row(1, "x2"))], [(1, "x", "y")], [(1, "envelope.keyless_change")],
                ddl="CREATE TABLE {table}(id int, a text, b text)")


@case(90, "R-02 ten thousand updates of one key are one row")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.update(row(1, f"x{i}")) for i in range(10_000)], [(1, "x9999", "y")])
