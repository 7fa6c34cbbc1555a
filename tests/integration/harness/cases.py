"""The conformance cases of contract.md section 10 that one process can answer: 1 to 81, 83 to 87, 90
and 112 to 141, without 17 to 19, which need a registry of their own, and those of later.txt.

Each case has a topic, a route and a table of its own; one process loads them all, so that sixty
cases cost little more than one. A case is a function that makes its records and says what must come
of them; its first words are those of the contract. The cases themselves are in cases_framing,
cases_avro, cases_envelope and cases_types.
"""

import dataclasses
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
    ends      the next offsets at the end, where the topic has several partitions; None: behind all records
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
    partitions: int = 1
    ends: dict[int, int] | None = None
    halt: str | None = None
    check: typing.Callable | None = None

    @property
    def end(self) -> dict[int, int]:
        if self.ends is not None:
            return self.ends
        if self.partitions == 1:
            return {0: len(self.records) if self.position is None else self.position}
        return {p: sum(1 for r in self.records if r.partition == p) for p in range(self.partitions)}


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


def at(partition: int, record: Record) -> Record:
    return dataclasses.replace(record, partition=partition)


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
