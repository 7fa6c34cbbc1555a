"""The columns of a real PostgreSQL source: every type that Debezium knows, with the values at its edges.

A table is a list of Columns; row n holds each column's n-th value (the list goes round), so that every
value is met, and one more row is all NULL. Values are SQL literals without their cast.
"""

import dataclasses

SETUP = """
CREATE EXTENSION IF NOT EXISTS citext;
CREATE EXTENSION IF NOT EXISTS hstore;
CREATE EXTENSION IF NOT EXISTS ltree;
CREATE EXTENSION IF NOT EXISTS isn;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy', 'it''s "odd", \\ yes');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN small AS int CHECK (VALUE < 1000);
CREATE DOMAIN email AS varchar(80) CHECK (VALUE LIKE '%@%');
CREATE DOMAIN price AS numeric(8,2);
"""


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of the source.

    name     its name, from the type if none is given
    back     SQL that makes the source's text of the target's text {c}, where the target has its default
             type instead of the source's; else a cast to the source's type
    alike    SQL over {c}, put on both sides before they are compared, where the default type keeps a value's
             meaning but not its text (jsonb of a json)
    """

    type: str
    values: tuple[str, ...]
    name: str = ""
    back: str = ""
    alike: str = ""

    def __post_init__(self):
        if not self.name:
            plain = self.type.replace("[]", "_array").replace('"', "")
            name = "".join(c if c.isalnum() else "_" for c in plain).strip("_")
            object.__setattr__(self, "name", f"c_{name}")


def col(kind: str, *values: str, name: str = "", back: str = "", alike: str = "") -> Column:
    return Column(kind, values, name, back, alike)


# 69 columns of 48 types: what design.md section 10 counts.
MAIN = [
    col("boolean", "t", "f"),
    col("smallint", "-32768", "32767", "0", "-1"),
    col("integer", "-2147483648", "2147483647", "0", "-1"),
    col("bigint", "-9223372036854775808", "9223372036854775807", "0", "9007199254740993"),
    col("real", "1.17549435e-38", "3.4028235e+38", "NaN", "Infinity", "-Infinity", "-0", "0.1", "1e-45"),
    col("double precision", "2.2250738585072014e-308", "1.7976931348623157e+308", "NaN", "Infinity", "-Infinity",
        "-0", "0.1", "5e-324"),
    col("numeric", "NaN", "0", "-0.000000000000000000001", "123456789012345678901234567890.0123456789",
        "1e15000", "1e-16000", "-99999999999999999999999999999999999999", "1.10", "100", "0.00",
        alike="trim_scale({c}::numeric)"),
    col("numeric(10,2)", "-99999999.99", "99999999.99", "0.01", "1.10", "0"),
    col("numeric(30,12)", "123456789012345678.123456789012", "-0.000000000001", "1"),
    col("numeric(5,0)", "-99999", "99999", "0"),
    col("money", "-92233720368547758.08", "92233720368547758.07", "0.01", "-0.50",
        back="{c}::numeric::money"),
    col("text", "", "plain", "é 漢 🐘", "quote ' \" \\ back", "a\tb\nc\r", "x" * 5000, "null", "{}"),
    col("varchar(40)", "", "é 漢 🐘", "  blanks  ", "x" * 40),
    col("char(8)", "", "ab", "12345678", "é漢"),
    col("varchar", "", "no limit", "\\x00"),
    col("bytea", "\\x", "\\x00", "\\x00ff10deadbeef", "\\x" + "5f" * 3000),
    col("bit(1)", "0", "1", back="{c}::boolean::int::bit(1)"),
    col("bit(10)", "0000000000", "1111111111", "1000000001", "0000000001", "1000000000"),
    col("bit varying(30)", "1", "101010101010101010101010101010", "11111111", "1000000001",
        alike="ltrim({c}, '0')"),
    col("date", "2024-02-29", "1970-01-01", "5874897-12-31", "9999-12-31", "1582-10-15", "1969-12-31",
        "infinity", "-infinity"),
    col("time", "00:00:00", "23:59:59.999999", "12:34:56.789012", "01:00:00"),
    col("time(3)", "00:00:00", "23:59:59.999", "01:02:03.004", name="c_time_3"),
    col("time(0)", "00:00:00", "23:59:59", name="c_time_0"),
    col("timetz", "00:00:00+00", "13:51:30.123456+02", "23:59:59.999999-12", "01:00:00+05:30"),
    col("timestamp", "2024-02-29 12:34:56.789012", "1969-12-31 23:59:59.999999", "4714-11-24 00:00:00 BC",
        "294246-12-31 23:59:59.999999", "infinity", "-infinity", "0001-01-01 00:00:00 BC", "1582-10-10 00:00:00"),
    col("timestamp(3)", "2024-02-29 12:34:56.789", "1969-12-31 23:59:59.999", "infinity", "-infinity",
        "0044-03-15 12:00:00 BC", name="c_timestamp_3"),
    col("timestamp(0)", "2024-02-29 12:34:56", "9999-12-31 23:59:59", name="c_timestamp_0"),
    col("timestamptz", "2024-02-29 12:34:56.789012+00", "1969-12-31 23:59:59.999999+00", "4714-11-24 00:00:00+00 BC",
        "294276-12-31 23:59:59.999999+00", "infinity", "-infinity", "0001-01-01 00:00:00+00 BC"),
    col("timestamptz(3)", "2024-02-29 12:34:56.789+00", "infinity", name="c_timestamptz_3"),
    col("interval", "1 year 2 mons 3 days 04:05:06.78", "-1 year -2 mons +3 days -04:05:06.000001", "00:00:00",
        "1 mon", "30 days", "24:00:00", "178000000 years", "-00:00:00.000001", "100 days 200:00:00"),
    col("uuid", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    col("json", '{"b": 1,  "a": [1, 2.50, null], "a": "twice"}', "null", '"text"', "12345678901234567890.10", "[]",
        alike="{c}::jsonb"),
    col("jsonb", '{"b": 1, "a": [1, 2.50, null], "é": "漢 \\" \\\\"}', "null", '"text"', "1e100", "[]", "{}"),
    col("xml", "<a b=\"1\">é &amp; &lt;</a>", "text <b/> mixed", "<!-- c --><x/>"),
    col("inet", "192.168.0.1", "10.0.0.0/8", "::1", "2001:db8::/32", "::ffff:1.2.3.4"),
    col("cidr", "192.168.0.0/24", "10.0.0.0/8", "2001:db8::/32", "0.0.0.0/0"),
    col("macaddr", "08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff"),
    col("macaddr8", "08:00:2b:01:02:03:04:05", "00:00:00:00:00:00:00:00"),
    col("oid", "0", "4294967295", "2147483648"),
    col("int4range", "[1,10)", "empty", "(,)", "[5,)", "(,-2147483648)"),
    col("int8range", "[1,10)", "empty", "(,)", "[9223372036854775806,9223372036854775807)"),
    col("numrange", "[1.10,10.00]", "empty", "(,)", "(0.5,)"),
    col("tsrange", '["2024-01-01 00:00:00","2024-12-31 23:59:59.999999")', "empty", "(,)", "[,infinity)"),
    col("tstzrange", '["2024-01-01 00:00:00+00","2024-12-31 23:59:59.999999+00")', "empty", "(,)"),
    col("daterange", "[2024-01-01,2024-12-31)", "empty", "(,)", "[2024-01-01,infinity)"),
    col("tsvector", "'a':1A 'fat':2B,4C 'rat':5", "'it''s' 'a b' 'back\\\\slash'", ""),
    col("point", "(1.5,-2.25)", "(0,0)", "(1e300,-1e-300)", "(0.1,0.2)"),
    col("mood", "sad", "ok", "happy", "it's \"odd\", \\ yes"),
    col("small", "-5", "999"),
    col("email", "a@b", "é@x.org"),
    col("price", "999999.99", "-0.01"),
    col("citext", "MiXed", "", "É"),
    col("hstore", '"a"=>"1", "b"=>NULL', "", '"k \\"q\\" \\\\"=>"v, => \' "', name="c_hstore",
        back="(SELECT coalesce(hstore(array_agg(key), array_agg(value)), '') FROM jsonb_each_text({c}::jsonb))"),
    col("ltree", "Top.Science.Astronomy", "a", ""),
    col("isbn", "978-0-393-04002-9", "0-306-40615-2"),
    col("smallint[]", "{}", "{-32768,NULL,32767}"),
    col("integer[]", "{}", "{1,NULL,-2147483648}", "{2147483647}"),
    col("bigint[]", "{}", "{9223372036854775807,NULL}"),
    col("real[]", "{}", "{1.5,NULL,NaN,-Infinity}"),
    col("double precision[]", "{}", "{0.1,NULL,NaN,Infinity}"),
    col("numeric(10,2)[]", "{}", "{1.10,NULL,-99999999.99}"),
    col("text[]", "{}", '{"",NULL,"NULL","a\\"b\\\\c","{x,y}",é,"  "}', '{"one"}'),
    col("varchar(20)[]", "{}", '{a,NULL,"b c"}'),
    col("boolean[]", "{}", "{t,NULL,f}"),
    col("uuid[]", "{}", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,NULL}"),
    col("date[]", "{}", "{2024-02-29,NULL,1969-12-31}"),
    col("timestamp[]", "{}", '{"2024-02-29 12:34:56.789012",NULL}'),
    col("timestamptz[]", "{}", '{"2024-02-29 12:34:56.789012+00",NULL}'),
    col("jsonb[]", "{}", '{"{\\"a\\": [1, null]}",NULL,"\\"x\\""}'),
]

# What came to Debezium later, or what few tables have; not among the 69.
MORE = [
    col('"char"', "a", "z", name="c_char_internal"),
    col("numeric(5,-2)", "1234500", "-9999900", "0", name="c_numeric_negative_scale"),
    col("numeric(3,5)", "0.00123", "-0.00999", name="c_numeric_small"),
    col("bit varying", "1", "", "1000", "1" + "0" * 70, name="c_varbit"),
    col("bit(64)", "1" + "0" * 63, "0" * 63 + "1"),
    col("box", "(3,4),(1,2)", "(0,0),(0,0)"),
    col("lseg", "[(1,2),(3,4)]", "[(0,0),(0,0)]"),
    col("path", "[(1,2),(3,4),(5,6)]", "((1,2),(3,4),(5,6))"),
    col("polygon", "((1,2),(3,4),(5,6))", "((0,0),(0,1),(1,1),(1,0))"),
    col("circle", "<(1,2),3>", "<(0,0),0>"),
    col("line", "{1,2,3}", "{0.5,-1,0}"),
    col("numeric[]", "{}", "{1.1,NULL,12345678901234567890.123}"),
    col("char(4)[]", "{}", "{ab,NULL}"),
    col("bytea[]", "{}", '{"\\\\x00ff",NULL}'),
    col("time[]", "{}", "{00:00:00,NULL,23:59:59.999}"),
    col("timetz[]", "{}", "{12:00:00+00,NULL}"),
    col("json[]", "{}", '{"{\\"b\\": 1,  \\"a\\": 2}",NULL}', alike="{c}::jsonb[]"),
    col("inet[]", "{}", "{192.168.0.1,NULL,10.0.0.0/8}"),
    col("cidr[]", "{}", "{192.168.0.0/24,NULL}"),
    col("macaddr[]", "{}", "{08:00:2b:01:02:03,NULL}"),
    col("int4range[]", "{}", '{"[1,10)",NULL,empty}'),
    col("numrange[]", "{}", '{"[1.10,10.00]",NULL}'),
    col("tsrange[]", "{}", '{"[\\"2024-01-01 00:00:00\\",)"}'),
    col("oid[]", "{}", "{4294967295,NULL}"),
    col("mood[]", "{}", '{sad,"it\'s \\"odd\\", \\\\ yes"}'),
    col("citext[]", "{}", "{MiXed,NULL}"),
    col("hstore[]", "{}", '{"\\"a\\"=>\\"1\\""}',
        back="(SELECT coalesce(array_agg((SELECT hstore(array_agg(key), array_agg(value)) FROM "
             "jsonb_each_text(e::jsonb))), '{}') FROM unnest({c}::text[]) AS e)"),
]

# What Debezium leaves out of its records unless include.unknown.datatypes is on; then it is opaque bytes.
UNKNOWN = [
    col("int4multirange", "{[1,3),[5,7)}"),
    col("tsmultirange", "{}"),
    col("tsquery", "'fat' & 'rat'"),
    col("pg_lsn", "16/B374D848"),
    col("pg_snapshot", "10:20:10,14,15"),
    col("xid8", "42"),
    col("xid", "42"),
    col("cid", "7"),
    col("tid", "(0,1)"),
    col("regclass", "pg_class"),
    col("regtype", "integer"),
    col("jsonpath", '$."a"[*]'),
    col("pair", '(1,"a b")'),
]

# What Debezium leaves out whatever its settings are.
UNSENT = [
    col("interval[]", '{"1 mon"}'),
    col("money[]", "{1.00}"),
    col("xml[]", "{<a/>}"),
    col("point[]", '{"(1,2)"}'),
    col("name[]", "{a}"),
]


REFUSED = "(refused)"


@dataclasses.dataclass(frozen=True)
class Edge:
    """A value that the connector does not send whole, alone in its row.

    defaults, settings   by the connector's defaults, and by the settings that keep most: what the target shows
                         after the snapshot and after a change; REFUSED where the record was put aside, since
                         what it held is no value of the type
    """

    type: str
    value: str
    defaults: tuple[str | None, str | None]
    settings: tuple[str | None, str | None]


EDGES = [
    Edge("date", "4714-11-24 BC", ("4714-11-24", "4714-11-24 BC"), ("4714-11-24", "4714-11-24 BC")),
    Edge("date", "0001-12-31 BC", ("0001-12-31", "0001-12-31 BC"), ("0001-12-31", "0001-12-31 BC")),
    Edge("date", "1582-10-10", ("1582-10-20", "1582-10-10"), ("1582-10-20", "1582-10-10")),
    Edge("name", "pg_class", ("pg_class", None), ("pg_class", "pg_class")),
    Edge("time(3)", "24:00:00", ("24:00:00", "24:00:00"), (None, None)),
    Edge("time", "24:00:00", ("24:00:00", "24:00:00"), (None, None)),
    Edge("time[]", "{24:00:00}", ("{00:00:00}", "{00:00:00}"), ("{00:00:00}", "{00:00:00}")),
    Edge("time[]", "{23:59:59.999999}", ("{23:59:59.999}", "{23:59:59.999}"), ("{23:59:59.999}", "{23:59:59.999}")),
    Edge("timetz", "23:59:59-15:59:59", (None, None), ("23:59:59-15:59:59", "23:59:59-15:59:59")),
    Edge("timestamp", "294276-12-31 23:59:59.999999", (REFUSED, REFUSED),
         ("294276-12-31 23:59:59.999999", "294276-12-31 23:59:59.999999")),
    Edge("mood[]", "{sad,NULL}", (None, None), (None, None)),
    Edge("ltree[]", "{a.b,NULL}", (None, None), (None, None)),
    Edge("int[]", "{{1,2},{3,4}}", ("{NULL,NULL}", "{NULL,NULL}"), ("{NULL,NULL}", "{NULL,NULL}")),
    Edge("bit varying", "0001", ("1", "1"), ("1", "1")),
    Edge("bit varying", "0", ("", ""), ("", "")),
    Edge("numeric", "1.10", ("1.1", "1.1"), ("1.10", "1.10")),
    Edge("numeric", "1e130000", (REFUSED, REFUSED), ("1e130000", "1e130000")),
]


def ddl(table: str, columns: list[Column]) -> str:
    body = "".join(f',\n  "{c.name}" {c.type}' for c in columns)
    return f"CREATE TABLE {table} (id int PRIMARY KEY{body})"


def rows(columns: list[Column]) -> int:
    """How many rows hold every value once, and one of NULLs."""
    return max(len(c.values) for c in columns) + 1


def quoted(value: str | None) -> str:
    if value is None:
        return "NULL"
    return "'" + value.replace("'", "''") + "'"


def insert(table: str, columns: list[Column], number: int, row_id: int | None = None) -> str:
    """The statement for row `number`; number 0 is the row of NULLs."""
    values = [quoted(None if number == 0 else c.values[(number - 1) % len(c.values)]) for c in columns]
    casts = "".join(f", {v}::{c.type}" for v, c in zip(values, columns))
    return f"INSERT INTO {table} VALUES ({number if row_id is None else row_id}{casts})"
