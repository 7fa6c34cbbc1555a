"""Random schemas and values, written by fastavro, loaded by the program, and compared column by column
with what fastavro itself reads from the same bytes. That every value takes the same way as a user's is
the point; the unit test beside it (tests/component/differential_test.c) compares with avro-c."""

import datetime
import decimal
import json
import os
import random
import struct
import uuid

from harness import wire
from harness.schemas import PlainTable, opt

N_TABLES, N_COLUMNS, N_RECORDS = 40, 24, 110  # 105,600 values beside the keys
UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1)
LETTERS = "abcXYZ 0189_\"'\\\n\tüßé€漢字🙂\u200b\u0301"


def text(chance: random.Random) -> str:
    return "".join(chance.choice(LETTERS) for _ in range(chance.choice([0, 1, 3, 12, 80])))


def whole(bits: int):
    def make(chance: random.Random) -> int:
        edge = chance.choice([0, 1, -1, 2 ** (bits - 1) - 1, -2 ** (bits - 1), None, None, None])
        return chance.getrandbits(chance.randrange(1, bits)) * chance.choice([1, -1]) if edge is None else edge
    return make


def real(chance: random.Random) -> float:
    return chance.choice([0.0, 1.5, -2.25, 1e300, -1e-300, chance.uniform(-1e9, 1e9)])


def single(chance: random.Random) -> float:
    return struct.unpack("f", struct.pack("f", chance.choice([0.0, 0.1, 3e38, chance.uniform(-1e6, 1e6)])))[0]


def octets(chance: random.Random) -> bytes:
    return chance.randbytes(chance.choice([0, 1, 7, 64]))


def number(precision: int, scale: int):
    def make(chance: random.Random) -> decimal.Decimal:
        unscaled = chance.randrange(-10 ** chance.randrange(1, precision + 1) + 1, 10 ** precision)
        return decimal.Decimal(unscaled).scaleb(-scale, decimal.Context(prec=60))
    return make


def moment(chance: random.Random) -> datetime.datetime:
    return EPOCH + datetime.timedelta(days=chance.randrange(-700_000, 2_900_000),
                                      microseconds=chance.randrange(86_400_000_000))


def aware(chance: random.Random) -> datetime.datetime:
    return moment(chance).replace(tzinfo=UTC)


def to_millis(value):
    return value.replace(microsecond=value.microsecond // 1000 * 1000)


def logical(avro: str, name: str, **more) -> dict:
    return {"type": avro, "logicalType": name, **more}


# (Avro type by the column's name, a value)
KINDS = [
    (lambda n: "int", whole(32)),
    (lambda n: "long", whole(64)),
    (lambda n: "boolean", lambda c: c.random() < 0.5),
    (lambda n: "float", single),
    (lambda n: "double", real),
    (lambda n: "string", text),
    (lambda n: "bytes", octets),
    (lambda n: {"type": "fixed", "name": f"f_{n}", "size": 5}, lambda c: c.randbytes(5)),
    (lambda n: {"type": "enum", "name": f"e_{n}", "symbols": ["RED", "GREEN", "BLUE"]},
     lambda c: c.choice(["RED", "GREEN", "BLUE"])),
    (lambda n: logical("bytes", "decimal", precision=12, scale=2), number(12, 2)),
    (lambda n: logical("bytes", "decimal", precision=38, scale=20), number(38, 20)),
    (lambda n: {"type": "fixed", "name": f"d_{n}", "size": 9, "logicalType": "decimal", "precision": 18,
                "scale": 6}, number(18, 6)),
    (lambda n: logical("int", "date"), lambda c: moment(c).date()),
    (lambda n: logical("int", "time-millis"), lambda c: to_millis(moment(c).time())),
    (lambda n: logical("long", "time-micros"), lambda c: moment(c).time()),
    (lambda n: logical("long", "timestamp-millis"), lambda c: to_millis(aware(c))),
    (lambda n: logical("long", "timestamp-micros"), aware),
    (lambda n: logical("long", "local-timestamp-micros"), moment),
    (lambda n: logical("string", "uuid"), lambda c: uuid.UUID(int=c.getrandbits(128))),
    (lambda n: {"type": "array", "items": "long"}, lambda c: [whole(64)(c) for _ in range(c.randrange(4))]),
    (lambda n: {"type": "array", "items": "string"}, lambda c: [text(c) for _ in range(c.randrange(4))]),
    (lambda n: {"type": "map", "values": "int"}, lambda c: {f"k{i}": whole(32)(c) for i in range(c.randrange(4))}),
    (lambda n: {"type": "record", "name": f"r_{n}", "fields": [{"name": "a", "type": "int"},
                                                              {"name": "b", "type": opt("string")}]},
     lambda c: {"a": whole(32)(c), "b": c.choice([None, text(c)])}),
]


def same(kind, ours, theirs) -> bool:
    """Does the driver have the value that fastavro has?"""
    if kind == "float" and ours is not None:  # the server prints a float4 by its shortest text
        return struct.pack("f", ours) == struct.pack("f", theirs)
    if isinstance(ours, datetime.datetime) and ours.tzinfo is not None:
        ours = ours.astimezone(UTC)
    return ours == theirs


def random_columns(chance: random.Random) -> list[tuple[str, object, object]]:
    """(name, Avro type, maker)"""
    columns = []
    for i in range(N_COLUMNS):
        avro, make = chance.choice(KINDS)
        columns.append((f"c{i}", avro(f"c{i}"), make))
    return columns


def test_105600_random_values_are_loaded_as_fastavro_reads_them(streams, schemas, topic, millrace, target):
    """Section 5 of the contract: 40 random schemas, 110 records each; the seed is in the message,
    and MILLRACE_SEED has the same values made again."""
    seed = int(os.environ.get("MILLRACE_SEED") or random.randrange(1_000_000))
    chance = random.Random(seed)
    prefix = topic("x").rsplit(".", 1)[0]
    wanted, n_values, wrong = {}, 0, []
    for t in range(N_TABLES):
        columns = random_columns(chance)
        nullable = [chance.random() < 0.5 for _ in columns]
        avro = [("id", "long")] + [(name, opt(kind) if null else kind)
                                   for (name, kind, _), null in zip(columns, nullable)]
        name = f"{prefix}.t{t}"
        streams.create(name)
        table = PlainTable(schemas, name, avro, ["id"])
        rows = {}
        for i in range(N_RECORDS):
            row = {"id": i, **{n: None if null and chance.random() < 0.2 else make(chance)
                               for (n, _, make), null in zip(columns, nullable)}}
            record = table.put(row)
            rows[i] = wire.read(table.value_schema, record.value[5:])
            streams.send(record)
        wanted[f"t{t}"] = (columns, rows)
    streams.flush()
    millrace([{"topic_regex": "^" + prefix.replace(".", "\\.") + "\\.(.*)$", "table": "$1"}]).load_to_end()
    for table, (columns, rows) in wanted.items():
        names = [name for name, _, _ in columns]
        found = {row[0]: row[1:] for row in target.rows(table, ["id", *names])}
        assert found.keys() == rows.keys(), f"seed {seed}: {table} has other rows"
        for i, row in rows.items():
            for (name, kind, _), ours in zip(columns, found[i]):
                n_values += 1
                if not same(kind, ours, row[name]):
                    wrong.append(f"{table}.{name} of {i}: {json.dumps(kind)}: {ours!r}, fastavro has {row[name]!r}")
    assert wrong == [], f"seed {seed}: {len(wrong)} of {n_values}: {wrong[:5]}"
    assert n_values == N_TABLES * N_COLUMNS * N_RECORDS
