"""A group's committed offsets with their metadata, asked by Kafka's own protocol (OffsetFetch, version 5).

The Python client cannot be asked: librdkafka copies the metadata without an ending zero, and the client
reads on until it meets one.
"""

import socket
import struct

OFFSET_FETCH, VERSION = 9, 5
AGAIN = {14, 15, 16}  # the coordinator is loading, not there yet, elsewhere


class Reader:
    def __init__(self, octets: bytes):
        self.octets = octets
        self.at = 0

    def number(self, form: str) -> int:
        value, = struct.unpack_from(f">{form}", self.octets, self.at)
        self.at += struct.calcsize(form)
        return value

    def text(self) -> str | None:
        length = self.number("h")
        if length < 0:
            return None
        self.at += length
        return self.octets[self.at - length:self.at].decode()


def _text(value: str) -> bytes:
    return struct.pack(">h", len(value.encode())) + value.encode()


def _exactly(link: socket.socket, n: int) -> bytes:
    octets = b""
    while len(octets) < n:
        more = link.recv(n - len(octets))
        if not more:
            raise ConnectionError("the broker closed the connection")
        octets += more
    return octets


def fetch(bootstrap: str, group: str, topic: str, n_partitions: int) -> dict[int, tuple[int, str]] | None:
    """partition -> (offset, metadata) where there is one; None: to be asked again."""
    host, _, port = bootstrap.rpartition(":")
    body = (struct.pack(">hhi", OFFSET_FETCH, VERSION, 1) + _text("tests") + _text(group) + struct.pack(">i", 1)
            + _text(topic) + struct.pack(f">i{n_partitions}i", n_partitions, *range(n_partitions)))
    try:
        with socket.create_connection((host, int(port)), timeout=10) as link:
            link.sendall(struct.pack(">i", len(body)) + body)
            length, = struct.unpack(">i", _exactly(link, 4))
            answer = Reader(_exactly(link, length))
    except OSError:
        return None
    answer.number("i")  # correlation id
    answer.number("i")  # throttle time
    found, errors = {}, set()
    for _ in range(answer.number("i")):
        answer.text()
        for _ in range(answer.number("i")):
            partition, offset, _, metadata, error = (
                answer.number("i"), answer.number("q"), answer.number("i"), answer.text(), answer.number("h"))
            errors.add(error)
            if offset >= 0:
                found[partition] = (offset, metadata or "")
    errors.add(answer.number("h"))
    if errors & AGAIN:
        return None
    assert errors == {0}, f"OffsetFetch: errors {errors}"
    return found
