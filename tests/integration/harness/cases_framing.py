"""Contract section 10, framing: cases 1 to 30, without 17 to 19."""

from stack import Fault

from . import wire
from .cases import UNKNOWN_ID, Case, Lab, case, row
from .schemas import Record


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
    table = lab.plain(n)
    times = 20 if lab.long_form else 6
    fault = lab.stub.fault(Fault(f"/schemas/ids/{table.value_id}$", status=500, error_code=50001, times=times))

    def check(_target, _lab):
        assert fault.times == 0
    return Case([table.put(row(1))], [(1, "x", "y")], check=check)


@case(20, "F-12 a Protobuf schema is schema.unsupported_type")
def _(lab, n):
    table = lab.envelope(n)
    text = 'syntax = "proto3"; message M { int32 id = 1; }'
    schema_id = lab.stub.register("proto", text, schema_type="PROTOBUF")
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
    return {"type": "record", "name": "AB",
            "fields": [{"name": "a", "type": "string"}, {"name": "b", "type": "string"}]}


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


@case(170, "F-44 a subject of any strategy, and of none, decodes by its id")
def _(lab, n):
    """Registered under <topic>-value, the record's name, topic and name, and a subject that fits nothing."""
    t = lab.plain(n)
    name = f"{t.namespace}.Value"
    records = []
    for i, subject in enumerate([f"{t.topic}-value", name, f"{t.topic}-{name}", "elsewhere"]):
        # a schema of its own for each subject, so that no id is shared
        schema = {**t.value_schema, "doc": subject}
        schema_id = lab.stub.register(subject, schema)
        records.append(Record(t.topic, t.key_bytes(row(i)),
                              wire.confluent(schema_id, wire.datum(schema, row(i)))))
    return Case(records, [(i, "x", "y") for i in range(4)])


@case(171, "F-45 versions that no compatibility mode would allow load by name, old and new by turn")
def _(lab, n):
    def version(*fields) -> dict:
        return {"type": "record", "name": "V", "fields": [
            {"name": "id", "type": "int"}, *({"name": f, "type": t} for f, t in fields)]}
    keys = lab.plain(n)
    versions = [(version(("a", "string"), ("b", "string")), {"a": "x", "b": "y"}),
                (version(("b", "string"), ("a", "int")), {"a": 7, "b": "swapped"}),
                (version(("a", {"type": "record", "name": "A", "fields": [{"name": "k", "type": "boolean"}]})),
                 {"a": {"k": True}}),
                (version(("b", ["null", "double"])), {"b": 0.5}),
                (version(("a", "string"), ("b", "string")), {"a": "again", "b": "old"})]
    ids = [lab.register(n, schema) for schema, _ in versions]
    records = [Record(keys.topic, keys.key_bytes({"id": i}),
                      wire.confluent(ids[i], wire.datum(schema, {"id": i, **values})))
               for i, (schema, values) in enumerate(versions)]
    return Case(records, [(0, "x", "y"), (1, "7", "swapped"), (2, '{"k": true}', None), (3, None, "0.5"),
                          (4, "again", "old")])
