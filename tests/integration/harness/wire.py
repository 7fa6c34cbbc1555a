"""Bytes as they stand in Kafka: Avro by hand, and the framings of contract.md section 1.1."""

import io
import json
import struct
import uuid

import fastavro


def zigzag(value: int) -> bytes:
    """An Avro int or long."""
    n = (value << 1) ^ (value >> 63)
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 0x7F:
        out.append((n & 0x7F) | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def string(value: str | bytes) -> bytes:
    """An Avro string or bytes."""
    octets = value.encode() if isinstance(value, str) else value
    return zigzag(len(octets)) + octets


def datum(schema: dict, value) -> bytes:
    """The binary Avro of a value. fastavro keeps parsed schemas' named types to themselves."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, parsed(schema), value)
    return out.getvalue()


_parsed: dict[str, object] = {}


def parsed(schema):
    text = json.dumps(schema)
    if text not in _parsed:
        _parsed[text] = fastavro.parse_schema(schema)
    return _parsed[text]


def read(schema: dict, octets: bytes):
    return fastavro.schemaless_reader(io.BytesIO(octets), parsed(schema), None)


def confluent(schema_id: int, body: bytes) -> bytes:
    """F-03: magic 0, the id big-endian, the datum."""
    return b"\x00" + struct.pack(">i", schema_id) + body


def confluent_v1(guid: str, body: bytes) -> bytes:
    """F-04: magic 1, the GUID, the datum."""
    return b"\x01" + uuid.UUID(guid).bytes + body


def header_id(schema_id: int) -> bytes:
    """F-05: the value of the header __value_schema_id or __key_schema_id, by id."""
    return b"\x00" + struct.pack(">i", schema_id)


def header_guid(guid: str) -> bytes:
    return b"\x01" + uuid.UUID(guid).bytes
