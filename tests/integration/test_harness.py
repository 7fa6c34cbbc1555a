"""The harness itself: an oracle that cannot see a fault, or a proxy that does not cut, would make
every other test green."""

import json
import os
import pathlib
import socket
import threading
import time

import pytest
import requests
from stack import Fault, Server, ServerFailed, StubRegistry, TcpProxy, free_port, wait_until

from harness import config, logfmt, wire
from harness.millrace import SANITIZER_REPORT, Metrics
from harness.model import AppendModel, Model, difference
from harness.schemas import DebeziumTable, PlainTable, RegistryClient, opt
from harness.waiting import await_
from harness.workload import Workload

ROW = {"id": 1, "a": "x"}


# -- the oracle
def test_the_model_keeps_the_last_state_of_each_key():
    model = Model(["id", "a"])
    for change in [("c", (1,), {"id": 1, "a": "x"}), ("c", (2,), {"id": 2, "a": "y"}),
                   ("u", (1,), {"id": 1, "a": "z"}), ("d", (2,), None), ("tombstone", (2,), None),
                   ("r", (3,), {"id": 3, "a": None}), None]:
        model.apply(change)
    assert sorted(model.expected()) == [(1, "z"), (3, None)]


def test_the_model_forgets_everything_at_a_truncate():
    model = Model(["id"])
    model.apply(("c", (1,), {"id": 1}))
    model.apply(("t", None, None))
    model.apply(("c", (2,), {"id": 2}))
    assert model.expected() == [(2,)]


def test_the_model_refuses_an_op_that_it_does_not_know():
    with pytest.raises(ValueError):
        Model(["id"]).apply(("x", (1,), ROW))


def test_the_append_model_has_a_row_for_each_change_but_tombstones():
    model = AppendModel(["id", "_op"])
    for op in ("c", "u", "d", "tombstone"):
        model.apply((op, (1,), ROW))
    assert model.expected() == [(1, "c"), (1, "u"), (1, "d")]


def test_equal_tables_in_another_order_do_not_differ():
    assert difference([(1, "x"), (2, None)], [(2, None), (1, "x")], ["id", "a"]) == ""


@pytest.mark.parametrize(("actual", "told"), [
    ([(1, "x")], "missing    id=2, a='y'"),
    ([(1, "x"), (2, "y"), (3, "z")], "unexpected id=3, a='z'"),
    ([(1, "x"), (2, "q")], "differs    id=2  a: expected 'y', found 'q'"),
    ([(1, "x"), (2, "y"), (2, "y")], "unexpected id=2, a='y'  (2 times, expected 1)"),
], ids=["missing", "unexpected", "differs", "twice"])
def test_the_difference_names_the_row_and_the_column(actual, told):
    report = difference([(1, "x"), (2, "y")], actual, ["id", "a"])
    assert told in report


def test_a_long_difference_is_cut_short():
    report = difference([(i,) for i in range(1000)], [], ["id"])
    assert len(report.splitlines()) < 30 and "1000 missing" in report


def test_waiting_gives_up_with_the_late_description():
    with pytest.raises(AssertionError, match="state 7"):
        await_(lambda: False, 0.1, lambda: "state 7")


# -- bytes, configuration, log, metrics
@pytest.mark.parametrize(("value", "octets"), [
    (0, "00"), (-1, "01"), (1, "02"), (64, "8001"), (2147483648, "8080808010"),
    (9223372036854775807, "feffffffffffffffff01"), (-9223372036854775808, "ffffffffffffffffff01")])
def test_zigzag_writes_what_avro_says(value, octets):
    assert wire.zigzag(value).hex() == octets


def test_framings_put_the_id_where_the_contract_says():
    guid = "00112233-4455-6677-8899-aabbccddeeff"
    assert wire.confluent(1, b"\x02").hex() == "000000000102"
    assert wire.confluent_v1(guid, b"\x02").hex() == "0100112233445566778899aabbccddeeff02"
    assert wire.header_id(1).hex() == "0000000001"
    assert wire.header_guid(guid).hex() == "0100112233445566778899aabbccddeeff"


def test_settings_are_written_in_libconfig_syntax():
    text = config.document({"pipeline": 'a"b', "lanes": 4, "memory": 3_000_000_000, "ratio": 1.0,
                            "on": True, "batch": {"max_rows": 500},
                            "tables": [{"topic": "t", "key_columns": ["a", "b"]}]})
    assert 'pipeline = "a\\"b";' in text
    assert "memory = 3000000000L;" in text and "ratio = 1.0;" in text and "on = true;" in text
    assert "batch = {\n  max_rows = 500;\n};" in text
    assert 'key_columns = [ "a", "b" ];' in text and "tables = ( {" in text


def test_settings_are_laid_over_defaults_group_by_group():
    assert config.merged({"a": {"x": 1, "y": 2}, "b": [1]}, {"a": {"y": 3}, "b": [2]}) == {
        "a": {"x": 1, "y": 3}, "b": [2]}


def test_logfmt_lines_are_read_with_their_quotes():
    event = logfmt.parse('ts=1 level=warn event=batch_retry err=db.08006 detail="said \\"no\\" \\\\ x" offset=88')
    assert event["detail"] == 'said "no" \\ x' and event["offset"] == "88"
    assert logfmt.matches(event, "batch_retry", {"offset": 88})
    assert not logfmt.matches(event, "batch_retry", {"offset": 89})


def test_metrics_are_read_by_name_and_labels():
    metrics = Metrics('# TYPE m counter\nm{a="1",b="x\\"y"} 2\nm{a="2"} 3\nn 1e3\nbroken line here\n')
    assert metrics.value("m") == 5 and metrics.value("m", a=1) == 2 and metrics.value("q") is None
    assert metrics.types == {"m": "counter"} and metrics.strange == ["broken line here"]


@pytest.mark.parametrize("text", [
    "==7==ERROR: AddressSanitizer: heap-use-after-free", "==7==ERROR: LeakSanitizer: detected memory leaks",
    "a.c:1:2: runtime error: signed integer overflow", "WARNING: ThreadSanitizer: data race"])
def test_a_sanitizer_report_is_recognised(text):
    assert SANITIZER_REPORT.search(text)


# -- the stub registry
@pytest.fixture
def client(stub):
    return RegistryClient(stub.url)


def test_the_stub_gives_back_what_was_registered(stub, client):
    first = client.register("a-value", '"int"')
    answer = requests.get(f"{stub.url}/schemas/ids/{first}", timeout=5).json()
    assert answer["schema"] == '"int"' and "schemaType" not in answer
    by_guid = requests.get(f"{stub.url}/schemas/guids/{answer['guid']}", timeout=5).json()
    assert by_guid == answer
    assert client.register("b-value", '"int"') == first, "equal content keeps its id"
    latest = requests.get(f"{stub.url}/subjects/a-value/versions/latest", timeout=5).json()
    assert (latest["id"], latest["version"]) == (first, 1)


@pytest.mark.parametrize(("path", "code"), [
    ("/schemas/ids/99", 40403), ("/schemas/guids/x", 40403),
    ("/subjects/none/versions/1", 40401), ("/subjects/a/versions/9", 40402)])
def test_the_stub_misses_as_the_registry_does(stub, path, code):
    stub.register("a", '"int"')
    answer = requests.get(stub.url + path, timeout=5)
    assert answer.status_code == 404 and answer.json()["error_code"] == code


def test_a_fault_of_the_stub_applies_as_often_as_told(stub):
    schema_id = stub.register("a", '"int"')
    stub.fault(Fault(f"/ids/{schema_id}$", status=503, error_code=50003, times=2))
    url = f"{stub.url}/schemas/ids/{schema_id}"
    assert [requests.get(url, timeout=5).status_code for _ in range(3)] == [503, 503, 200]
    assert len(stub.asked("/schemas/ids/")) == 3


def test_the_stub_can_cut_an_answer_short(stub):
    schema_id = stub.register("a", '"int"')
    stub.fault(Fault("/ids/", cut_after=5))
    with pytest.raises(requests.exceptions.RequestException):
        requests.get(f"{stub.url}/schemas/ids/{schema_id}", timeout=5)


def test_the_stub_checks_its_password():
    with_password = StubRegistry(password="u:p").start()
    try:
        assert requests.get(f"{with_password.url}/subjects", timeout=5).status_code == 401
        assert requests.get(f"{with_password.url}/subjects", auth=("u", "p"), timeout=5).status_code == 200
    finally:
        with_password.stop()


def test_a_stopped_stub_refuses_and_comes_back_with_its_content(stub):
    schema_id = stub.register("a", '"int"')
    stub.stop()
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(f"{stub.url}/subjects", timeout=5)
    stub.start()
    assert requests.get(f"{stub.url}/schemas/ids/{schema_id}", timeout=5).status_code == 200


# -- the proxy
class Echo:
    """A server that answers each line in capitals, and remembers what it was told."""

    def __init__(self):
        self.heard = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(link,), daemon=True).start()

    def _answer(self, link):
        while data := link.recv(1000):
            self.heard.append(data)
            link.sendall(data.upper())


@pytest.fixture
def echo():
    server = Echo()
    yield server
    server.listener.close()


def test_the_proxy_carries_bytes_both_ways(echo):
    with TcpProxy(echo.port) as proxy, socket.create_connection(("127.0.0.1", proxy.port), 5) as link:
        link.sendall(b"abc")
        assert link.recv(10) == b"ABC"


def test_a_cut_proxy_ends_connections_and_refuses_until_it_resumes(echo):
    with TcpProxy(echo.port) as proxy:
        link = socket.create_connection(("127.0.0.1", proxy.port), 5)
        link.sendall(b"abc")
        assert link.recv(10) == b"ABC"
        proxy.cut()
        assert link.recv(10) == b""
        with pytest.raises(ConnectionError):
            socket.create_connection(("127.0.0.1", proxy.port), 5)
        proxy.resume()
        with socket.create_connection(("127.0.0.1", proxy.port), 5) as again:
            again.sendall(b"x")
            assert again.recv(10) == b"X"


def test_a_swallowing_proxy_delivers_nothing(echo):
    with TcpProxy(echo.port) as proxy:
        proxy.swallow()
        link = socket.create_connection(("127.0.0.1", proxy.port), 5)
        link.sendall(b"abc")
        link.settimeout(0.5)
        with pytest.raises(TimeoutError):
            link.recv(10)
        assert echo.heard == []
        proxy.resume()
        assert link.recv(10) == b""


def test_a_lost_answer_reaches_the_server_and_never_the_client(echo):
    with TcpProxy(echo.port) as proxy:
        proxy.lose_answer(b"commit")
        link = socket.create_connection(("127.0.0.1", proxy.port), 5)
        link.sendall(b"begin")
        assert link.recv(10) == b"BEGIN"
        link.sendall(b"commit")
        assert link.recv(10) == b""
        assert echo.heard[-1] == b"commit" and proxy.losses == 1


def test_a_free_port_is_one_that_can_be_bound():
    with socket.create_server(("127.0.0.1", free_port())) as server:
        assert 20000 <= server.getsockname()[1] < 32000


def test_waiting_for_a_condition_gives_its_value():
    began = time.monotonic()
    assert wait_until(lambda: time.monotonic() - began > 0.1 and "seen", 5, "a moment") == "seen"


# -- records
def test_debezium_records_decode_to_what_was_put_in(stub, client):
    table = DebeziumTable(client, "s.public.t", [("id", "int"), ("a", opt("string")), ("n", "long")], ["id"])
    row = {"id": 7, "a": "é", "n": 1 << 40}
    record = table.create(row)
    assert record.key[:5] == wire.header_id(table.key_id) and record.change == ("c", (7,), row)
    value = wire.read(table.envelope_schema, record.value[5:])
    assert (value["op"], value["after"], value["before"]) == ("c", row, None)
    assert value["source"]["table"] == "t" and value["source"]["lsn"] > 0
    gone = wire.read(table.envelope_schema, table.delete(row).value[5:])
    assert gone["before"] == {"id": 7, "a": None, "n": 0} and gone["after"] is None
    assert table.tombstone(row).value is None and table.truncate().key is None


def test_a_key_change_is_a_delete_a_tombstone_and_a_creation(stub, client):
    table = DebeziumTable(client, "s.public.t", [("id", "int"), ("a", opt("string"))], ["id"])
    gone, mark, made = table.key_change({"id": 1, "a": "x"}, {"id": 2, "a": "x"})
    assert gone.headers == [("__debezium.newkey", b'{"id": 2}')]
    assert mark.value is None and made.headers == [("__debezium.oldkey", b'{"id": 1}')]


# -- servers
def test_what_is_produced_can_be_read_back(streams, schemas, topic):
    from confluent_kafka import Consumer
    name = topic("orders")
    streams.create(name, partitions=2)
    plain = PlainTable(schemas, name, [("id", "int"), ("a", opt("string"))], ["id"])
    model = Model(["id", "a"])
    rows = [{"id": i, "a": f"v{i}"} for i in range(10)]
    streams.produce(*(plain.put(r) for r in rows), plain.tombstone(rows[3]), model=model)
    assert sum(streams.ends(name).values()) == 11
    consumer = Consumer({"bootstrap.servers": streams.bootstrap, "group.id": name, "auto.offset.reset": "earliest"})
    consumer.subscribe([name])
    seen = Model(["id", "a"])
    read = []
    try:
        while len(read) < 11:
            message = consumer.poll(20)
            assert message is not None and message.error() is None
            read.append(message)
            key = wire.read(plain.key_schema, message.key()[5:])["id"]
            row = wire.read(plain.value_schema, message.value()[5:]) if message.value() is not None else None
            seen.apply(("u" if row else "d", (key,), row))
    finally:
        consumer.close()
    model.check(seen.expected())
    assert len(model.rows) == 9


def test_the_registry_gives_back_schemas_by_id_with_their_extra_properties(registry, schemas, topic):
    table = DebeziumTable(schemas, topic("orders"), [("id", "int"), ("a", opt("string"))], ["id"])
    answer = requests.get(f"{registry.url}/schemas/ids/{table.value_id}", timeout=5).json()
    assert json.loads(answer["schema"])["connect.name"].endswith(".Envelope")


def test_commits_and_records_deleted_are_seen_through_the_admin_side(streams, topic):
    from harness.schemas import Record
    name = topic()
    streams.create(name)
    streams.produce(*(Record(name, None, b"x") for _ in range(10)))
    streams.commit("g-" + name, name, {0: 4}, "note")
    (offset, metadata), = streams.committed("g-" + name, name).values()
    assert (offset, metadata.rstrip("\0")) == (4, "note")  # the Python client sends the ending zero along
    streams.delete_records(name, 0, 6)
    streams.delete(name)


def test_a_killed_broker_comes_back_with_its_records(kafka, streams, topic):
    from harness.schemas import Record
    name = topic()
    streams.create(name)
    streams.produce(*(Record(name, None, b"x") for _ in range(5)))
    kafka.restart(kill=True)
    assert streams.ends(name) == {0: 5}


def test_a_killed_postgres_comes_back_with_what_was_committed(postgres, target):
    target.run("CREATE TABLE t(id int)")
    target.run("INSERT INTO t VALUES (1)")
    postgres.restart(kill=True)
    await_(lambda: target.rows("t", ["id"]) == [(1,)], 20, "the row after recovery")


class Forker(Server):
    """A server that goes on forking while it is killed, as PostgreSQL does under load."""

    name = "forker"

    def command(self):
        return ["sh", "-c", "for i in $(seq 2000); do sleep 30 & done; wait"]

    def is_ready(self):
        return self.family()[1:]

    def family(self) -> list[int]:
        """All processes of its session that are not zombies: each server has a session of its own."""
        found = []
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                state, _parent, _group, session = stat.read_text().rpartition(")")[2].split()[:4]
            except OSError:
                continue
            if int(session) == self.pid and state != "Z":
                found.append(int(stat.parent.name))
        return found


def test_a_killed_server_leaves_no_process_behind_while_it_forks(tmp_path):
    server = Forker(tmp_path).start()
    server.kill()
    left = server.family()
    for pid in left:
        os.kill(pid, 9)
    assert not left


def test_a_server_that_ended_by_itself_fails_one_test_and_is_there_again(tmp_path):
    with Forker(tmp_path).start() as server:
        server.must_run()
        os.killpg(server.pid, 9)
        server.process.wait(10)
        with pytest.raises(ServerFailed, match="status -9"):
            server.must_run()
        server.must_run()
        server.kill()


def test_the_workload_keeps_its_oracle_in_step(streams, schemas, topic):
    name = topic("orders")
    streams.create(name, partitions=4)
    work = Workload(schemas, name, n_keys=20)
    work.run(streams, 300)
    assert sum(streams.ends(name).values()) >= 300
    assert 0 < len(work.model.rows) <= 20
    assert max(row["seq"] for row in work.model.rows.values()) == work.seq
