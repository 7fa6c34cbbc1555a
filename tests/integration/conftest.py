"""Servers for the whole session, and for each test a database, topics and instances of its own.

Environment:
  MILLRACE_BIN (or MR_BINARY)  the program under test; default build/release/millrace
  MR_BINARY_RELEASE            the program whose memory and speed are measured; same default
  MILLRACE_LONG (or MR_LONG)   1: the long forms (a million rows, twenty registry errors)
  MILLRACE_KEEP                1: keep the run folder (logs, configurations) also when all passed
"""

import itertools
import os
import pathlib
import re
import shutil
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
pytest.register_assert_rewrite("harness")

from stack import (Connect, Kafka, Postgres, Registry, StubRegistry, TcpProxy, Unavailable,  # noqa: E402
                   fetch)

from harness.instances import Instances, need_program, new_database  # noqa: E402
from harness.millrace import binary, release_binary  # noqa: E402
from harness.schemas import TEXT, DebeziumTable, PlainTable, RegistryClient  # noqa: E402
from harness.streams import Streams  # noqa: E402
from harness.workload import Pair  # noqa: E402

_numbers = itertools.count(1)


def is_long() -> bool:
    return "1" in (os.environ.get("MILLRACE_LONG"), os.environ.get("MR_LONG"))


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes longer than a commit should wait for")


@pytest.fixture(scope="session")
def long_form() -> bool:
    return is_long()


# -- servers
@pytest.fixture(scope="session")
def run_dir(request):
    """Logs, configurations and the servers' data; kept, without the data, when a test failed."""
    folder = ROOT / "build" / "integration" / f"run-{os.getpid()}"
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
    keep = request.session.testsfailed or os.environ.get("MILLRACE_KEEP") == "1"
    if keep:
        print(f"\nlogs of this run: {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _had(make, name: str):
    """Starts a server, or skips with the reason why it cannot be had."""
    try:
        return make().start()
    except Unavailable as why:
        pytest.skip(f"{name} cannot be had here: {why}")


@pytest.fixture(scope="session")
def kafka(run_dir):
    server = _had(lambda: Kafka(run_dir / "kafka", users={"loader": "secret"}), "Kafka")
    yield server
    server.stop()
    shutil.rmtree(server.storage, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(run_dir):
    """Without fsync: what dies here is a process, never the machine, so nothing is lost; with it, a
    server that was killed looks at each file of each test's database before it answers."""
    server = _had(lambda: Postgres(run_dir / "postgres", settings={"fsync": "off"}), "PostgreSQL")
    yield server
    server.remove()


@pytest.fixture(scope="session")
def registry(run_dir):
    """Apicurio; where it cannot be had, the stub, which keeps most suites going."""
    try:
        server = Registry(run_dir / "registry").start()
    except Unavailable as why:
        print(f"\nthe stub stands in for the registry: {why}")
        server = StubRegistry().start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def connect(run_dir, kafka, registry):
    """Kafka Connect with Debezium's connectors. Its converter speaks to the real registry only."""
    if not isinstance(registry, Registry):
        pytest.skip("Debezium's converter needs the real registry, and it cannot be had here")
    worker = _had(lambda: Connect(run_dir / "connect", kafka.bootstrap, registry.native_url,
                                  [fetch.debezium_postgres(), fetch.debezium_mariadb()]), "Debezium")
    yield worker
    worker.stop()


@pytest.fixture(scope="session")
def streams(kafka):
    return Streams(kafka.bootstrap)


@pytest.fixture(scope="session")
def schemas(registry):
    return RegistryClient(registry.url)


@pytest.fixture
def stub():
    server = StubRegistry().start()
    yield server
    server.stop()


@pytest.fixture
def proxy():
    """proxy(port) stands before that port until the test ends."""
    made = []

    def make(upstream: int) -> TcpProxy:
        made.append(TcpProxy(upstream).start())
        return made[-1]
    yield make
    for one in made:
        one.stop()


# -- what each test has for itself
@pytest.fixture
def topic():
    """topic("orders") -> a topic name that no other test has, of Debezium's form."""
    number = next(_numbers)
    return lambda name="t": f"s{number}.public.{name}"


@pytest.fixture
def debezium(streams, schemas, topic):
    """debezium("orders", columns, key) -> a Debezium table whose topic exists."""
    def make(name="orders", columns=TEXT, key=("id",), partitions=1):
        streams.create(topic(name), partitions=partitions)
        return DebeziumTable(schemas, topic(name), columns, key)
    return make


@pytest.fixture
def plain(streams, schemas, topic):
    """plain("orders", columns, key) -> a table of records without an envelope whose topic exists."""
    def make(name="orders", columns=TEXT, key=("id",), partitions=1):
        streams.create(topic(name), partitions=partitions)
        return PlainTable(schemas, topic(name), columns, key)
    return make


@pytest.fixture
def target(postgres):
    one = new_database(postgres)
    yield one
    one.close()
    if postgres.is_running():
        postgres.sql(f'DROP DATABASE "{one.url.rsplit("/", 1)[1]}" WITH (FORCE)')


@pytest.fixture
def pair(streams, schemas, topic):
    """A table that equals an oracle, and one that counts every record."""
    return Pair(streams, schemas, topic, partitions=2)


def test_folder(run_dir: pathlib.Path, request) -> pathlib.Path:
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", request.node.name)[:120]
    return run_dir / "tests" / name


@pytest.fixture
def millrace(request, run_dir, kafka, registry, target):
    """millrace([route, ...], batch={...}) -> an instance, not started. At the end of the test every
    instance is killed, and its whole log is searched for sanitizer reports."""
    need_program(binary())
    instances = Instances(test_folder(run_dir, request), kafka, registry.url, target.url)
    yield instances
    instances.end()


@pytest.fixture
def release_program() -> pathlib.Path:
    need_program(release_binary())
    return release_binary()
