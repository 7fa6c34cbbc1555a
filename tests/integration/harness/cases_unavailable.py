"""Contract section 10, unavailable values: cases 91 to 111, and 82 and 88 of envelope and reduction.

Numbers above 1000 are further promises of section 4, which the contract's list does not number.
"""

import json

from .cases import Case, case, row
from .schemas import DebeziumTable, Record, opt

P = "__debezium_unavailable_value"
BIG = "BIG" * 1000


def octets(text: str = P) -> list[int]:
    return list(text.encode())


@case(91, "U-27 an update keeps what it does not carry")
def _(lab, n):
    return Case([lab.envelope(n).update(row(1, "x2", P))], [(1, "x2", BIG)], pre=[(1, "x", BIG)])


@case(92, "U-20 R-02 within one batch")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.create(row(1, "x", BIG)), t.update(row(1, "x2", P))], [(1, "x2", BIG)])


@case(93, "R-02 two masks complete each other")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.update(row(1, "p", P)), t.update(row(1, P, "q"))], [(1, "p", "q")], pre=[(1, "x", BIG)])


@case(94, "U-26 a NOT NULL column is no 23502")
def _(lab, n):
    return Case([lab.envelope(n).update(row(1, "x2", P))], [(1, "x2", BIG)], pre=[(1, "x", BIG)],
                ddl="CREATE TABLE {table}(id int PRIMARY KEY, a text, b text NOT NULL)")


@case(95, "U-31 an absent row is unavailable.orphan, and its neighbours land")
def _(lab, n):
    t = lab.envelope(n)
    records = [t.create(row(2)), t.update(row(1, "x", P)), t.update(row(2, "x2", P)), t.update(row(1, "y", P)),
               t.create(row(3))]
    return Case(records, [(2, "x2", "y"), (3, "x", "y")], [(1, "unavailable.orphan"), (3, "unavailable.orphan")])


@case(1095, "U-31 missing_row = halt holds at the record")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.create(row(2)), t.update(row(1, "x", P)), t.create(row(3))], [(2, "x", "y")], position=1,
                halt="unavailable.orphan", route={"unavailable_missing_row": "halt"})


@case(1096, "U-31 missing_row = null inserts NULL, or the default")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.update(row(1, "x", P)), t.update(row(2, P, "y"))], [(1, "x", None), (2, "dflt", "y")],
                route={"unavailable_missing_row": "null"},
                ddl="CREATE TABLE {table}(id int PRIMARY KEY, a text DEFAULT 'dflt', b text)")


@case(1097, "U-31 missing_row = null is unavailable.orphan where NULL cannot be")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.update(row(1, "x", P)), t.create(row(2))], [(2, "x", "y")], [(0, "unavailable.orphan")],
                route={"unavailable_missing_row": "null"},
                ddl="CREATE TABLE {table}(id int PRIMARY KEY, a text, b text NOT NULL)")


@case(1098, "U-31 on_bad_record = stop waits at the orphan, and what is before it lands")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.create(row(2)), t.update(row(1, "x", P)), t.create(row(3))], [(2, "x", "y")], position=1,
                halt="unavailable.orphan", route={"on_bad_record": "stop"})


@case(1099, "U-31 on_bad_record = skip leaves the orphan out")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.create(row(2)), t.update(row(1, "x", P)), t.create(row(3))], [(2, "x", "y"), (3, "x", "y")],
                route={"on_bad_record": "skip"})


def kept(number: int, title: str, avro_type, sql_type: str, stored: str, sent, shown=None, route=None) -> None:
    """An update of {1, v} whose v is `sent`: the stored value stays, or becomes `shown`."""
    @case(number, title)
    def build(lab, n):
        t = DebeziumTable(lab.client, lab.topic(n), [("id", "int"), ("v", opt(avro_type))], ("id",))
        text = stored.replace("{", "{{").replace("}", "}}")
        ddl = f"CREATE TABLE {{table}}(id int PRIMARY KEY, v {sql_type}); INSERT INTO {{table}} VALUES (1, '{text}')"

        def check(target, lab_):
            found = target.query(f"SELECT v::text FROM {lab_.table_name(n)}")
            assert found == target.query(f"SELECT ('{stored if shown is None else shown}'::{sql_type})::text")
        return Case([t.update({"id": 1, "v": sent})], ddl=ddl, route=route or {}, check=check)


def array(items) -> dict:
    return {"type": "array", "items": items}


UUID = {"type": "string", "connect.name": "io.debezium.data.Uuid"}
JSON = {"type": "string", "connect.name": "io.debezium.data.Json"}
DATE = {"type": "int", "connect.name": "io.debezium.time.Date"}
ABSENT_UUID = "b68a35a7-17ad-35b3-af2a-ae46edb4545a"

kept(96, "U-02 bytea: the octets of P", "bytes", "bytea", r"\x0102", P.encode())
kept(97, "U-05 text[]: one P", array("string"), "text[]", "{a,b}", [P])
kept(1197, "U-05 text[]: two P are a value", array("string"), "text[]", "{a,b}", [P, P], "{" + P + "," + P + "}")
kept(98, "U-07 int[]: the 28 codes", array("int"), "int[]", "{1,2}", octets())
kept(1198, "U-07 int[]: 27 of them are a value", array("int"), "int[]", "{1,2}", octets()[:27],
     "{" + ",".join(map(str, octets()[:27])) + "}")
kept(99, "U-07 date[]: 28 ints", array(DATE), "date[]", "{2020-01-01}", octets())
kept(100, "U-08 bigint[]: 28 longs", array("long"), "bigint[]", "{1}", octets())
kept(101, "U-09 uuid[]: the uuid of P", array(UUID), "uuid[]", "{00000000-0000-0000-0000-000000000001}",
     [ABSENT_UUID])
kept(102, "U-10 hstore as a map: P to P", {"type": "map", "values": opt("string")}, "jsonb", '{"a": "b"}', {P: P})
kept(1102, "U-11 hstore as json, with blanks", JSON, "jsonb", '{"a": "b"}', '{ "' + P + '" : "' + P + '" }')
kept(103, "U-01 jsonb: the text P", JSON, "jsonb", '{"a": 1}', P)
kept(104, "U-18 jsonb: P within a document is a value", JSON, "jsonb", '{"a": 1}', json.dumps({"a": P}),
     json.dumps({"a": P}))
kept(105, "U-02 a placeholder of octets", "bytes", "bytea", r"\x0102", b"\x00\xff",
     route={"unavailable_placeholder": "hex:00ff"})
kept(106, "U-09 a placeholder of one's own", array(UUID), "uuid[]", "{00000000-0000-0000-0000-000000000001}",
     ["50c1f58b-e7f5-347e-8f53-d64c094783c2"], route={"unavailable_placeholder": "gone"})
kept(111, "U-12a float8[]: the 28 codes as doubles", array("double"), "float8[]", "{1.5}", list(map(float, octets())))
kept(1103, "U-03 U-14 U-15 a string column with P", "string", "text", "long", P)
kept(1104, "U-04 base64 of P", "string", "text", "long", "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==")
kept(1106, "U-06 bytea[]: one P", array("bytes"), "bytea[]", '{"\\\\x01"}', [P.encode()])
kept(1105, "U-18 P with blanks is a value", "string", "text", "long", f" {P}", f" {P}")
kept(1120, "U-20 unavailable_detect = off takes P as it is", "string", "text", "long", P, P,
     route={"unavailable_detect": "off"})


@case(107, "U-19 P in the key is unavailable.key")
def _(lab, n):
    t = lab.envelope(n, [("id", "string"), ("a", opt("string"))])
    return Case([t.update({"id": P, "a": "x"}), t.create({"id": "k", "a": "x"})], [("k", "x")],
                [(0, "unavailable.key")], ddl="CREATE TABLE {table}(id text PRIMARY KEY, a text)")


@case(108, "U-13 U-16 a null of an update is no value in unavailable_null_columns")
def _(lab, n):
    t = lab.envelope(n, [("id", "int"), ("a", opt(array("double")))])
    return Case([t.update({"id": 1, "a": None}), t.create({"id": 2, "a": None})], [(1, [1.5]), (2, None)],
                pre=[(1, [1.5])], ddl="CREATE TABLE {table}(id int PRIMARY KEY, a float8[])",
                route={"unavailable_null_columns": ["a"]})


@case(109, "U-30 a change of the key takes the old row's value along")
def _(lab, n):
    return Case(lab.envelope(n).key_change(row(1, "x", P), row(2, "x", P)), [(2, "x", BIG)], pre=[(1, "x", BIG)])


@case(1109, "U-30 the old key in Avro framing, and its state in the batch")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.create(row(1, "x", BIG)), t.delete(row(1)), t.tombstone(row(1)),
                 t.create(row(2, "y", P), [("__debezium.oldkey", t.key_bytes(row(1)))])], [(2, "y", BIG)])


@case(1110, "U-30 a chain and a swap of keys keep each row's own value")
def _(lab, n):
    t = lab.envelope(n)
    moves = [(1, 9), (2, 1), (9, 2), (3, 4), (4, 5)]
    return Case([r for old, new in moves for r in t.key_change(row(old, "x", P), row(new, "x", P))],
                [(1, "x", "two"), (2, "x", "one"), (5, "x", "three")],
                pre=[(1, "x", "one"), (2, "x", "two"), (3, "x", "three")])


@case(110, "R-05 a masked create behind a delete is unavailable.orphan")
def _(lab, n):
    t = lab.envelope(n)
    return Case([t.delete(row(1)), t.tombstone(row(1)), t.create(row(1, "x", P))], [], [(2, "unavailable.orphan")],
                pre=[(1, "x", BIG)])


KEYLESS = "CREATE TABLE {table}(id int, a text, b text)"


@case(82, "E-40 match_full deletes one of two equal rows")
def _(lab, n):
    t = lab.envelope(n, key=())
    image = row(1, "x", None)
    return Case([Record(t.topic, None, t.envelope("d", image, None))], [(1, "x", None)], ddl=KEYLESS,
                pre=[(1, "x", None), (1, "x", None)], route={"keyless": "match_full"})


@case(1082, "E-40 match_full keeps the order of a batch, and an update is a delete and an insert")
def _(lab, n):
    t = lab.envelope(n, key=())
    return Case([t.create(row(1)), t.create(row(1)), Record(t.topic, None, t.envelope("u", row(1), row(1, "z"))),
                 Record(t.topic, None, t.envelope("d", row(1, "z"), None)), t.create(row(2)),
                 Record(t.topic, None, t.envelope("d", None, None)),
                 Record(t.topic, None, t.envelope("u", row(2, "x", P), row(2)))],
                [(1, "x", "y"), (2, "x", "y")],
                [(5, "envelope.delete_without_key"), (6, "envelope.keyless_change")], ddl=KEYLESS,
                route={"keyless": "match_full"})


@case(88, "E-12 an update whose before has another key leaves that row alone")
def _(lab, n):
    t = lab.envelope(n)
    return Case([Record(t.topic, t.key_bytes(row(2)), t.envelope("u", row(0, "", ""), row(2, "p2", "q2")))],
                [(0, "x", "y"), (2, "p2", "q2")], pre=[(0, "x", "y"), (2, "p", "q")])


@case(1088, "E-12 key_change = before moves the row, masked values and all")
def _(lab, n):
    t = lab.envelope(n)
    return Case([Record(t.topic, t.key_bytes(row(2)), t.envelope("u", row(1, "p", P), row(2, "p2", P))),
                 Record(t.topic, t.key_bytes(row(4)), t.envelope("u", row(3), row(4)))],
                [(2, "p2", BIG), (4, "x", "y")], pre=[(1, "p", BIG), (3, "x", "y")],
                route={"key_change": "before"})

