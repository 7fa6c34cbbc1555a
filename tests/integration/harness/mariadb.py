"""A real source: MariaDB behind Debezium's connector. `Source` as in debezium.py, for the other server."""

import dataclasses

import pymysql
from stack import Connect, MariaDb
from stack.connect import MARIADB

from .waiting import await_

SETTLE_S = 120


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of the source and its values: (MariaDB's literal, the target's text). A text is a pair where the
    connector spoils a value: by the snapshot, and in a change."""

    name: str
    type: str
    values: tuple[tuple, ...]


def col(name: str, kind: str, *values: tuple) -> Column:
    return Column(name, kind, values)


# By the types that millrace makes of them.
TYPES = [
    col("ti", "tinyint", ("-128", "-128"), ("127", "127")),
    col("tiu", "tinyint unsigned", ("255", "255"), ("0", "0")),
    col("yes", "bool", ("true", "1"), ("false", "0")),
    col("si", "smallint unsigned", ("65535", "65535")),
    col("mi", "mediumint unsigned", ("16777215", "16777215")),
    col("i", "int", ("-2147483648", "-2147483648")),
    col("iu", "int unsigned", ("4294967295", "4294967295")),
    col("bi", "bigint", ("-9223372036854775808", "-9223372036854775808"),
        ("9223372036854775807", "9223372036854775807")),
    col("biu", "bigint unsigned", ("18446744073709551615", "18446744073709551615"), ("0", "0")),
    col("d", "decimal(65,30)", ("-12345678901234567890123456789012345.123456789012345678901234567890",
                                "-12345678901234567890123456789012345.123456789012345678901234567890")),
    col("du", "decimal(10,2) unsigned", ("99999999.99", "99999999.99"), ("1.10", "1.10")),
    col("f", "float", ("1.5", "1.5"), ("-0.25", "-0.25")),
    col("db", "double", ("0.1", "0.1"), ("1.7976931348623157e308", "1.7976931348623157e+308")),
    col("b1", "bit(1)", ("b'1'", "true"), ("b'0'", "false")),
    col("b10", "bit(10)", ("b'1000000001'", "1000000001"), ("0", "0000000000")),
    col("b64", "bit(64)", ("0x8000000000000001", "1" + "0" * 62 + "1")),
    col("ch", "char(10)", ("'ab'", "ab"), ("''", "")),
    col("vc", "varchar(40)", ("'\u00e9\u6f22\U0001f418'", "\u00e9\u6f22\U0001f418"), ("' b '", " b ")),
    col("tx", "longtext", ("repeat('x', 70000)", "x" * 70000), ("''", "")),
    col("bn", "binary(4)", ("'ab'", "\\x61620000")),
    col("vb", "varbinary(20)", ("x'00ff'", "\\x00ff"), ("''", "\\x")),
    col("bl", "blob", ("x'00ff10'", "\\x00ff10")),
    col("da", "date", ("'2024-02-29'", "2024-02-29"), ("'1000-01-01'", "1000-01-01"), ("'9999-12-31'", "9999-12-31"),
        ("'0000-00-00'", None)),
    col("dt", "datetime", ("'2024-02-29 12:34:56'", "2024-02-29 12:34:56"), ("'0000-00-00'", None)),
    col("dt6", "datetime(6)", ("'1000-01-01 00:00:00.000001'", "1000-01-01 00:00:00.000001"),
        ("'9999-12-31 23:59:59.999999'", "9999-12-31 23:59:59.999999")),
    col("ts", "timestamp null", ("'2024-02-29 12:34:56'", "2024-02-29 12:34:56+00"),
        ("'0000-00-00'", (None, "1970-01-01 00:00:00+00"))),
    col("ts6", "timestamp(6) null", ("'1970-01-01 00:00:01.000001'", "1970-01-01 00:00:01.000001+00")),
    col("tm", "time", ("'12:34:56'", "12:34:56"), ("'00:00:00'", "00:00:00")),
    col("tm6", "time(6)", ("'23:59:59.999999'", "23:59:59.999999")),
    col("y", "year", ("2024", "2024"), ("1901", "1901")),
    col("e", "enum('a','b','c,d')", ("'a'", "a"), ("'c,d'", ("c,d", "c\\,d"))),
    col("s", "set('x','y','z')", ("'x,z'", "x,z"), ("''", "")),
    col("j", "json", ("'{\"b\": 1, \"a\": [2]}'", '{"b": 1, "a": [2]}')),
    col("u", "uuid", ("'123e4567-e89b-12d3-a456-426655440000'",
                      ("123e4567-e89b-12d3-a456-426655440000", "0000123e-4567-e89b-12d3-a45642665544"))),
    col("pt", "point", ("ST_GeomFromText('POINT(1 2)')", "(1,2)")),
]
ROWS = max(len(c.values) for c in TYPES)


class Source:
    """One database and one connector of that name."""

    def __init__(self, server: MariaDb, worker: Connect, name: str):
        self.server = server
        self.worker = worker
        self.name = name
        self.link = pymysql.connect(host="127.0.0.1", port=server.port, user="root", autocommit=True, charset="utf8mb4")
        self.run(f"CREATE DATABASE {name}", f"USE {name}", "CREATE TABLE marker (id int PRIMARY KEY)",
                 "INSERT INTO marker VALUES (0)")
        self._markers = 1

    def run(self, *statements: str) -> None:
        with self.link.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def query(self, statement: str) -> list[tuple]:
        with self.link.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def topic(self, table: str) -> str:
        return f"{self.name}.{self.name}.{table}"

    def connect(self, bootstrap: str, settings: dict[str, str]) -> None:
        self.worker.create(self.name, {
            "connector.class": MARIADB, "database.hostname": "127.0.0.1", "database.port": str(self.server.port),
            "database.user": "root", "database.password": "", "database.server.id": "4711",
            "database.include.list": self.name, "topic.prefix": self.name, "poll.interval.ms": "50",
            "schema.history.internal.kafka.bootstrap.servers": bootstrap,
            "schema.history.internal.kafka.topic": f"history-{self.name}",
            "topic.creation.default.partitions": "1", "topic.creation.default.replication.factor": "1", **settings})

    def settle(self, streams) -> None:
        """Waits until two markers, one after the other, stand in Kafka: what came before the first is there then."""
        topic = self.topic("marker")

        def there():
            self.worker.states(self.name)
            known = streams.admin.list_topics(timeout=30).topics
            return topic in known and streams.ends(topic)[0] >= self._markers
        await_(there, SETTLE_S, "the snapshot's marker in Kafka", step_s=0.2)
        for _ in range(2):
            self.run(f"INSERT INTO marker VALUES ({self._markers})")
            self._markers += 1
            await_(there, SETTLE_S, f"marker {self._markers} in Kafka", step_s=0.1)

    def type_rows(self, shift: int) -> None:
        for number in range(ROWS):
            values = ", ".join(c.values[number % len(c.values)][0] for c in TYPES)
            self.run(f"INSERT INTO types VALUES ({number + shift}, {values})")
        self.run(f"INSERT INTO types (id) VALUES ({shift + 99})")

    def end(self) -> None:
        self.worker.remove(self.name)
        self.link.close()
