"""Contract section 10, Avro: cases 31 to 59."""

import json

from . import wire
from .cases import Case, Lab, case, poison, value


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
poison(44, "S-38 string length -1, and one byte more than there is", "avro.length", "string", b"\x01", b"\x06ab")
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
    """The depth is that of the value in the column x, whose head is level 1."""
    node = {"type": "record", "name": "Node", "fields": [
        {"name": "n", "type": "int"}, {"name": "next", "type": ["null", "Node"], "default": None}]}

    def linked(depth: int) -> bytes:
        return b"\x02".join(wire.zigzag(level) for level in range(1, depth + 1)) + b"\x00"
    records = lab.raw(n, node, linked(64), linked(65))

    def check(target, the_lab):
        (found,), = target.query(f"SELECT x FROM {the_lab.table_name(n)}")
        depth = 0
        while found is not None:
            depth += 1
            assert found["n"] == depth
            found = found["next"]
        assert depth == 64
    return Case(records, [(0,)], [(1, "avro.depth")], ddl=None, query="SELECT id FROM {table}", check=check)


poison(50, "S-42 a datum that lacks its last byte", "avro.truncated", "double", b"\x00" * 7)



def read_as(lab: Lab, n: int, written: list, reader: list, body: bytes, **expected) -> Case:
    """A plain record {id, ...}, read with a schema of the route's own."""
    def schema(fields: list) -> dict:
        return {"type": "record", "name": "X", "fields": [{"name": "id", "type": "int"}, *fields]}
    return Case(lab.raw(n, None, body, schema=schema(written)),
                route={"value_schema": json.dumps(schema(reader))}, ddl=None, **expected)


@case(51, "S-02 a writer's int is read as a long")
def _(lab, n):
    def check(target, the_lab):
        (kind,), = target.query("SELECT pg_typeof(x)::text FROM {}".format(the_lab.table_name(n)))
        assert kind == "bigint"
    return read_as(lab, n, [{"name": "x", "type": "int"}], [{"name": "x", "type": "long"}], wire.zigzag(-7),
                   rows=[(0, -7)], query="SELECT id, x FROM {table}", check=check)


@case(52, "S-02 a writer's long is not read as an int")
def _(lab, n):
    return read_as(lab, n, [{"name": "x", "type": "long"}], [{"name": "x", "type": "int"}], wire.zigzag(7),
                   letters=[(0, "schema.unresolvable")])


@case(53, "S-03 a field that only the reader has gets its default")
def _(lab, n):
    return read_as(lab, n, [], [{"name": "x", "type": "string", "default": "k"}], b"",
                   rows=[(0, "k")], query="SELECT id, x FROM {table}")


@case(54, "S-03 a reader's alias renames a field")
def _(lab, n):
    return read_as(lab, n, [{"name": "old", "type": "string"}],
                   [{"name": "new", "type": "string", "aliases": ["old"]}], wire.string("v"),
                   rows=[(0, "v")], query="SELECT id, new FROM {table}")


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
