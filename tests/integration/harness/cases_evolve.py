"""Contract section 10, names and evolution: cases 142, 144, 145, 147 to 152 and 164 (143 and 146 need two processes);
from 680 on, rows of sections 6 and 7 without a case."""

import hashlib

from .cases import Case, Lab, case
from .schemas import PlainTable, opt

ID = ("id", "int")


def renamed(**names: str) -> dict:
    return {"columns": [{"field": field, "name": name} for field, name in names.items()]}


@case(142, "I-02 I-05 names that need quotes")
def _(lab, n):
    t = lab.plain(n, [ID, ("Order", "string"), ("select", "string"), ("q", "string"), ("xmin", "string")])
    values = {"Order": "o", "select": "s", "q": "a", "xmin": "m"}
    return Case([t.put({"id": 1, **values}), t.put({"id": 2, **values})],
                [(1, "o", "s", "a", "m"), (2, "o", "s", "a", "m")], ddl=None, route=renamed(q='a"b'),
                query='SELECT id, "Order", "select", "a""b", xmin_ FROM {table} ORDER BY id')


@case(144, "I-03 a name of 80 bytes is cut at a character's border")
def _(lab, n):
    name = "é" * 40
    cut = "é" * 27 + "_" + hashlib.sha256(name.encode()).hexdigest()[:8]
    t = lab.plain(n, [ID, ("e", "string")])
    return Case([t.put({"id": 1, "e": "x"})], [(1, "x")], ddl=None, route=renamed(e=name),
                query=f'SELECT id, "{cut}" FROM {{table}}')


@case(145, "I-07 two fields of one name in lower case halt")
def _(lab, n):
    t = lab.plain(n, [ID, ("Id", "int")])
    return Case([t.put({"id": 1, "Id": 2})], ddl=None, route={"identifier_case": "lower"}, position=0,
                halt="identifier.collision")


def grown(lab: Lab, n: int, **route) -> Case:
    """A record of a schema that has a field more than the table."""
    t = lab.plain(n, [ID, ("a", opt("string")), ("b", opt("string")), ("more", opt("string"))])
    return Case([t.put({"id": 1, "a": "x", "b": "y", "more": "z"})], route=route)


@case(147, "V-01 discard_column leaves a new field out")
def _(lab, n):
    one = grown(lab, n, evolve="discard_column")
    one.rows = [(1, "x", "y")]
    return one


@case(680, "V-01 freeze halts at a new field")
def _(lab, n):
    one = grown(lab, n, evolve="freeze")
    one.rows, one.position, one.halt = [], 0, "schema.drift"
    return one


@case(681, "V-01 discard_record puts the record aside, and those of the known schema land")
def _(lab, n):
    one = grown(lab, n, evolve="discard_record")
    known = lab.plain(n, [ID, ("a", opt("string"))])
    one.records.append(known.put({"id": 2, "a": "q"}))
    one.rows, one.letters = [(2, "q", None)], [(0, "schema.drift")]
    return one


@case(148, "V-02 R-08 a dropped field keeps its column's values")
def _(lab, n):
    whole = lab.plain(n, [ID, ("a", opt("string")), ("b", opt("string"))])
    less = lab.plain(n, [ID, ("a", opt("string"))])
    return Case([whole.put({"id": 1, "a": "x", "b": "y"}), less.put({"id": 1, "a": "x2"}),
                 less.put({"id": 7, "a": "p2"})], [(1, "x2", "y"), (7, "p2", "q")], pre=[(7, "p", "q")])


@case(149, "V-03 a NOT NULL column that no record fills halts")
def _(lab, n):
    t = lab.plain(n, [ID])
    return Case([t.put({"id": 1})], [], ddl="CREATE TABLE {table}(id int PRIMARY KEY, a text NOT NULL)", position=0,
                halt="target.not_null_missing")


@case(150, "V-15 a generated column computes its value")
def _(lab, n):
    t = lab.plain(n, [ID, ("a", "string"), ("g", "string")])
    return Case([t.put({"id": 1, "a": "x", "g": "no"}), t.put({"id": 1, "a": "z", "g": "no"})], [(1, "z", "z!")],
                ddl="CREATE TABLE {table}(id int PRIMARY KEY, a text, g text GENERATED ALWAYS AS (a || '!') STORED)")


@case(151, "V-16 an identity column takes the record's value")
def _(lab, n):
    t = lab.plain(n, [ID, ("a", "string")])
    return Case([t.put({"id": 41, "a": "x"}), t.put({"id": 41, "a": "y"})], [(41, "y")],
                ddl="CREATE TABLE {table}(id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a text)")


@case(152, "V-17 a table without a unique index on the key halts")
def _(lab, n):
    t = lab.plain(n, [ID, ("a", "string")])
    return Case([t.put({"id": 1, "a": "x"})], [], ddl="CREATE TABLE {table}(id int, a text)", position=0,
                halt="target.no_unique_key")


# -- rows without a case
@case(682, "V-04 widen follows the schema, and an older schema that comes back loses nothing")
def _(lab, n):
    def version(a_type, *more):
        return lab.plain(n, [ID, ("a", a_type), *more])
    narrow, wide = version("int"), version("long", ("b", opt("string")))
    return Case([narrow.put({"id": 1, "a": 1}), wide.put({"id": 2, "a": 1 << 40, "b": "y"}),
                 narrow.put({"id": 3, "a": 3}), wide.put({"id": 1, "a": 1 << 41, "b": "z"}),
                 narrow.put({"id": 2, "a": 5})],
                [(1, 1 << 41, "z"), (2, 5, "y"), (3, 3, None)], ddl=None,
                route={"evolve": "widen", "widen_rewrite": True}, query="SELECT id, a, b FROM {table} ORDER BY 1")


@case(683, "V-04 add leaves it to the X rows: what does not fit is that record's fault")
def _(lab, n):
    narrow, wide = lab.plain(n, [ID, ("a", "int")]), lab.plain(n, [ID, ("a", "long")])
    return Case([narrow.put({"id": 1, "a": 1}), wide.put({"id": 2, "a": 1 << 40}), wide.put({"id": 3, "a": 3})],
                [(1, 1), (3, 3)], [(1, "value.out_of_range")], ddl=None, query="SELECT id, a FROM {table} ORDER BY 1")


@case(684, "V-06 add_defaults gives old rows the default, a null on the wire stays null (S-16)")
def _(lab, n):
    old = lab.plain(n, [ID])
    new = PlainTable(lab.client, lab.topic(n), [ID], ["id"])
    new.value_schema = {"type": "record", "name": "Value", "namespace": new.namespace, "fields": [
        {"name": "id", "type": "int"}, {"name": "n", "type": "int", "default": 7},
        {"name": "s", "type": ["string", "null"], "default": "it's"}]}
    new.value_id = lab.client.register(f"{lab.topic(n)}-value", new.value_schema)
    return Case([old.put({"id": 1}), new.put({"id": 2, "n": 1, "s": None})], [(1, 7, "it's"), (2, 1, None)], ddl=None,
                route={"add_defaults": True}, query="SELECT id, n, s FROM {table} ORDER BY 1",
                pre=[], check=None)


@case(685, "V-08 a null for a NOT NULL column is that record's fault")
def _(lab, n):
    t = lab.plain(n, [ID, ("a", opt("string"))])
    return Case([t.put({"id": 1, "a": None}), t.put({"id": 2, "a": "x"})], [(2, "x")], [(0, "value.not_null")],
                ddl="CREATE TABLE {table}(id int PRIMARY KEY, a text NOT NULL)")


@case(686, "V-08 relax_not_null drops it, V-07 and nothing sets it again")
def _(lab, n):
    t, strict = lab.plain(n, [ID, ("a", opt("string"))]), lab.plain(n, [ID, ("a", "string")])
    return Case([t.put({"id": 1, "a": None}), strict.put({"id": 2, "a": "x"})], [(1, None), (2, "x")],
                ddl="CREATE TABLE {table}(id int PRIMARY KEY, a text NOT NULL)", route={"relax_not_null": True})


@case(687, "V-10 the first record of another key halts, those before it land")
def _(lab, n):
    by_id = lab.plain(n, [ID, ("a", "string")])
    by_both = lab.plain(n, [ID, ("a", "string")], key=("id", "a"))
    return Case([by_id.put({"id": 1, "a": "x"}), by_both.put({"id": 2, "a": "y"})], [(1, "x")], position=1,
                ddl="CREATE TABLE {table}(id int PRIMARY KEY, a text, UNIQUE (id, a))", halt="key.changed")


@case(688, "V-11 create = false halts where the table is absent")
def _(lab, n):
    t = lab.plain(n, [ID])
    return Case([t.put({"id": 1})], ddl=None, route={"create": False}, position=0, halt="target.missing")


@case(689, "V-14 a partitioned table whose key holds the partition key")
def _(lab, n):
    t = lab.plain(n, [ID, ("day", "int"), ("a", "string")], key=("id", "day"))
    return Case([t.put({"id": 1, "day": 1, "a": "x"}), t.put({"id": 1, "day": 2, "a": "y"}),
                 t.put({"id": 1, "day": 1, "a": "z"}), t.tombstone({"id": 1, "day": 2})], [(1, 1, "z")],
                ddl="CREATE TABLE {table}(id int, day int, a text, PRIMARY KEY (id, day)) PARTITION BY LIST (day); "
                    "CREATE TABLE {table}_1 PARTITION OF {table} FOR VALUES IN (1); "
                    "CREATE TABLE {table}_2 PARTITION OF {table} FOR VALUES IN (2)")


@case(690, "V-14 a partitioned table whose key lacks the partition key halts")
def _(lab, n):
    t = lab.plain(n, [ID, ("day", "int")])
    return Case([t.put({"id": 1, "day": 1})], [], position=0, halt="target.no_unique_key",
                ddl="CREATE TABLE {table}(id int, day int, PRIMARY KEY (id, day)) PARTITION BY LIST (day)")


@case(691, "I-12 a view is refused")
def _(lab, n):
    t = lab.plain(n, [ID])
    return Case([t.put({"id": 1})], [], position=0, halt="target.view",
                ddl="CREATE TABLE {table}_t(id int PRIMARY KEY); CREATE VIEW {table} AS SELECT * FROM {table}_t")


@case(692, "V-18 a trigger that returns NULL is no error")
def _(lab, n):
    t = lab.plain(n, [ID, ("a", "string")])
    return Case([t.put({"id": 1, "a": "no"}), t.put({"id": 2, "a": "x"})], [(2, "x")],
                ddl="CREATE TABLE {table}(id int PRIMARY KEY, a text); CREATE FUNCTION {table}_f() RETURNS trigger "
                    "LANGUAGE plpgsql AS $$BEGIN IF NEW.a = 'no' THEN RETURN NULL; END IF; RETURN NEW; END$$; "
                    "CREATE TRIGGER no BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_f()")


@case(693, "V-18 a table with rules halts")
def _(lab, n):
    t = lab.plain(n, [ID])
    return Case([t.put({"id": 1})], [], position=0, halt="target.rls",
                ddl="CREATE TABLE {table}(id int PRIMARY KEY); "
                    "CREATE RULE no AS ON INSERT TO {table} WHERE NEW.id < 0 DO INSTEAD NOTHING")


@case(694, "V-09 V-02 a renamed field is a new column, unless the route maps it")
def _(lab, n):
    old, new = lab.plain(n, [ID, ("a", "string")]), lab.plain(n, [ID, ("c", "string")])
    return Case([old.put({"id": 1, "a": "x"}), new.put({"id": 1, "c": "z"})], [(1, "z", None)], route=renamed(c="a"))


def with_parameters(field: str, **parameters: str) -> dict:
    return {"name": field, "type": {"type": "string", "connect.parameters": {
        f"__debezium.source.column.{k}": v for k, v in parameters.items()}}}


@case(695, "I-09 the source's own names, and its lengths for a new table")
def _(lab, n):
    t = PlainTable(lab.client, lab.topic(n), [ID], ["id"])
    t.value_schema = {"type": "record", "name": "Value", "namespace": t.namespace, "fields": [
        {"name": "id", "type": "int"}, with_parameters("a_b", name="a-b", type="VARCHAR", length="12")]}
    t.value_id = lab.client.register(f"{lab.topic(n)}-value", t.value_schema)
    return Case([t.put({"id": 1, "a_b": "x"})], [(1, "x", "character varying(12)")], ddl=None,
                route={"column_name_source": "original"},
                query="SELECT id, \"a-b\", format_type(atttypid, atttypmod) FROM {table}, pg_attribute "
                      "WHERE attrelid = '{table}'::regclass AND attname = 'a-b'")


@case(696, "I-10 avro_unicode names are undone")
def _(lab, n):
    t = lab.plain(n, [ID, ("order_u002did", "string")])
    return Case([t.put({"id": 1, "order_u002did": "x"})], [(1, "x")], ddl=None,
                route={"column_unmangle": "avro_unicode"}, query='SELECT id, "order-id" FROM {table}')


@case(697, "I-11 a column in another letter case is the field's")
def _(lab, n):
    t = lab.plain(n, [ID, ("Note", "string")])
    return Case([t.put({"id": 1, "Note": "x"})], [(1, "x")], ddl="CREATE TABLE {table}(id int PRIMARY KEY, note text)")


CITEXT = ("CREATE EXTENSION IF NOT EXISTS citext SCHEMA public; "
          "CREATE TABLE {table}(k public.citext PRIMARY KEY, a text)")
WORD = [("k", "string"), ("a", opt("string"))]


@case(164, "a delete meets a citext key that is spelled otherwise")
def _(lab, n):
    t = lab.envelope(n, WORD, key=("k",))
    return Case([t.delete({"k": "AB", "a": None})], [], ddl=CITEXT, pre=[("ab", "x")])


@case(698, "F-33 spellings of one key are folded by the key's own equality, in the order of their records")
def _(lab, n):
    t = lab.envelope(n, WORD, key=("k",))
    return Case([t.create({"k": "ab", "a": "1"}), t.delete({"k": "AB", "a": "1"}), t.create({"k": "Ab", "a": "2"}),
                 t.update({"k": "c", "a": "3"}), t.update({"k": "C", "a": "4"}), t.create({"k": "d", "a": "5"}),
                 t.delete({"k": "D", "a": "5"})],
                [("Ab", "2"), ("C", "4")], pre=[("AB", "x"), ("C", "x")],
                ddl="CREATE COLLATION {table}_ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false); "
                    "CREATE TABLE {table}(k text COLLATE {table}_ci PRIMARY KEY, a text)")
