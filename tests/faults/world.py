"""Servers, links with faults, and for each target a world: its topics, generators, instances and oracle."""

import os
import pathlib
import random
import subprocess
import time
import types

from harness import config
from harness.instances import Instances
from harness.schemas import RegistryClient
from harness.streams import Streams
from harness.waiting import await_
from stack import Kafka, Postgres, StubRegistry, TcpProxy, Toxiproxy, Unavailable, free_port
from stack.process import children_of

from . import targets
from .oracle import Oracle, Verdict
from .source import STRATEGY, Source

SESSION_MS = 3000
DISK_MIB = 1000
COMMIT_S = 30
START_S = 240   # of a server that was killed, on a machine that does other things as well
KAFKA_LOG = {"log.retention.check.interval.ms": "10000", "log.segment.bytes": str(64 << 20)}


class Disk:
    """A small file system in memory for one tablespace; root only."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.filler = folder / "filler"
        folder.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=0755", "tmpfs", str(folder)], check=True,
                       capture_output=True)

    def fill(self) -> None:
        block = bytes(1 << 20)
        with open(self.filler, "ab", buffering=0) as out:
            try:
                while True:
                    out.write(block)
            except OSError:
                return

    def free(self) -> None:
        self.filler.unlink(missing_ok=True)

    def remove(self) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], check=False, capture_output=True)


class Servers:
    """What all worlds share. Every instance reaches Kafka and PostgreSQL through a link: the own proxy, which
    cuts and loses answers, and behind it toxiproxy, which delays, where that can be had."""

    def __init__(self, folder: pathlib.Path, say):
        self.folder = folder
        self.say = say
        self.kafka = Kafka(folder / "kafka", heap_mb=400)
        self.postgres = Postgres(folder / "postgres", settings={"fsync": "off", "max_connections": "60"})
        self.kafka.start_deadline_s = self.postgres.start_deadline_s = START_S
        self.registry = StubRegistry()
        self.toxics: Toxiproxy | None = None
        self.disk: Disk | None = None
        self.to_broker = self.to_target = None

    def start(self) -> "Servers":
        behind, front = free_port(), free_port()
        self.kafka.properties.update({
            "listeners": f"PLAINTEXT://127.0.0.1:{self.kafka.port},LINK://127.0.0.1:{behind},"
                         f"CONTROLLER://127.0.0.1:{self.kafka.controller_port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.kafka.port},LINK://127.0.0.1:{front}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,LINK:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT", **KAFKA_LOG})
        self.kafka.start()
        self.postgres.start()
        self.registry.start()
        try:
            self.toxics = Toxiproxy(self.folder / "toxiproxy").start()
        except Unavailable as why:
            self.say(f"without toxiproxy: {why}")
        self.to_broker = TcpProxy(self._behind_toxics("broker", behind), front).start()
        self.to_target = TcpProxy(self._behind_toxics("target", self.postgres.port)).start()
        if os.geteuid() == 0:
            self._make_disk()
        self.streams = Streams(self.kafka.bootstrap)
        self.client = RegistryClient(self.registry.url)
        return self

    def _behind_toxics(self, name: str, port: int) -> int:
        return self.toxics.create(name, port) if self.toxics else port

    def _make_disk(self) -> None:
        place = self.postgres.data_dir.parent / "small-disk"
        try:
            self.disk = Disk(place)
        except (subprocess.CalledProcessError, OSError) as error:
            self.say(f"without a small disk: {error}")
            return
        space = place / "tablespace"
        space.mkdir()
        subprocess.run(["chown", "postgres:postgres", str(space)], check=True)
        self.postgres.sql(f"CREATE TABLESPACE small LOCATION '{space}'")

    def suspend_postgres(self, number: int) -> None:
        """A signal to the server and each of its backends, which have sessions of their own."""
        for pid in [self.postgres.pid, *children_of(self.postgres.pid)]:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def must_run(self) -> None:
        """Starts what a fault of a failed round has left stopped."""
        for server in (self.kafka, self.postgres):
            if not server.is_running():
                server.start()
        for proxy in (self.to_broker, self.to_target):
            proxy.resume()
        self.registry.start()

    def stop(self) -> None:
        for proxy in (self.to_broker, self.to_target):
            if proxy is not None:
                proxy.stop()
        for server in (self.toxics, self.registry, self.kafka):
            if server is not None:
                server.stop()
        self.postgres.remove()
        if self.disk is not None:
            self.disk.remove()


class World:
    """One target under load. What the faults need is here by name."""

    def __init__(self, servers: Servers, name: str, settings: dict):
        self.servers = servers
        self.name = name
        self.settings = settings
        self.dice = random.Random(0)
        self.companion = None    # what happens during the next hold: see rounds.py
        self.spared = 0
        self.n_new_schemas = 0
        folder = servers.folder / f"world-{name}"
        folder.mkdir()
        self.folder = folder
        self.target = self._make_target()
        self.source = Source(servers.streams, servers.client, f"f{name}", folder, settings)
        self.oracle = Oracle(self.target, self.source)
        link = types.SimpleNamespace(bootstrap=f"127.0.0.1:{servers.to_broker.port}", must_run=servers.kafka.must_run)
        self.instances = Instances(folder, link, servers.registry.url, self._target_url())
        routes = [{"topic": topic, "table": table, "strategy": STRATEGY[table]}
                  for table, topic in self.source.topics.items()]
        self._make = lambda title: self.instances(routes, title, **config.merged({
            "kafka": {"session_timeout_ms": SESSION_MS}, "lanes": 2, "registry": {"timeout": "3s"},
            "batch": {"max_wait": "100ms"},
            "target": {"statement_timeout": "5s", "lock_timeout": "2s"}}, settings.get("options", {})))
        self.fleet = [self._make(f"instance-{n}") for n in range(settings["instances"])]
        self.guests = [self._make(f"guest-{n}") for n in range(settings.get("guests", 0))]
        self.group = self.fleet[0].group

    @property
    def is_postgres(self) -> bool:
        return self.name == "postgres"

    def _make_target(self):
        if self.is_postgres:
            target = targets.Postgres(self.servers.postgres.create_database("faults"))
            target.prepare("small" if self.servers.disk else None)
        else:
            target = targets.Sqlite(self.folder / "target.db")
            target.prepare()
        return target

    def _target_url(self) -> str:
        if not self.is_postgres:
            return self.target.url
        own = f"postgresql://{targets.ROLE}@127.0.0.1:{self.servers.to_target.port}/faults"
        return f"{own}?connect_timeout=5"

    # -- what faults use
    def hold(self, seconds: float) -> None:
        """The fault lasts; another one that goes with it happens meanwhile."""
        end = time.monotonic() + seconds
        companion, self.companion = self.companion, None
        if companion is not None:
            time.sleep(seconds * self.dice.random())
            companion(self, self.dice)
        time.sleep(max(0.0, end - time.monotonic()))

    def pick(self):
        """An instance for a fault; in a soak never the first, whose memory is watched."""
        return self.dice.choice(self.fleet[self.spared:])

    def new_schema(self) -> None:
        self.n_new_schemas += 1
        self.source.renew_schema(self.n_new_schemas)

    def up(self, one) -> None:
        """Starts an instance, unless a fault that came along has done so."""
        if not one.is_running():
            one.start()

    def rejoin(self, one) -> None:
        """Kills and starts an instance: it knows no schema and has no connection."""
        one.kill()
        one.start()

    def must_run(self) -> None:
        for one in self.fleet:
            one.must_run()

    # -- progress
    def positions(self) -> dict[tuple[str, int], int] | None:
        """(topic, partition) -> next offset; None while the target does not answer."""
        found = {(topic, p): o for topic in self.source.topics.values()
                 for p, o in self.target.positions(topic).items()}
        return found or None

    def loaded(self) -> int:
        return sum((self.positions() or {}).values())

    def n_partitions(self) -> int:
        return sum(self.servers.streams.partition_count(t) for t in self.source.topics.values())

    def await_progress(self, deadline_s: float) -> float:
        """Waits until every partition has moved on and every instance runs; gives the seconds that this took."""
        began = time.monotonic()
        before: dict = {}
        moved: set = set()

        def all_moved() -> bool:
            now = self.positions()
            if now is None:
                return False
            for place, offset in now.items():
                if offset > before.setdefault(place, offset):
                    moved.add(place)
            return len(moved) >= self.n_partitions()

        def stuck() -> str:
            where = sorted(set(before) - moved)
            return f"progress in {where or 'any partition'}\n" + "\n".join(one.log_tail(12) for one in self.fleet)
        await_(all_moved, deadline_s, stuck, self.must_run, step_s=0.02)
        return time.monotonic() - began

    # -- rounds
    def start(self) -> None:
        for one in self.fleet:
            one.start()

    def go(self, rate: float) -> None:
        self.source.go(rate)

    def settle(self, deadline_s: float) -> tuple[Verdict, int]:
        """Pauses the generators, waits for the end of every partition, compares; (verdict, records so far)."""
        states = self.source.settle()
        ends = self.source.ends()

        def reached() -> bool:
            have = self.positions() or {}
            return all(have.get(place, 0) >= end for place, end in ends.items())
        await_(reached, deadline_s, lambda: f"drained: ends {ends}, positions {self.positions()}\n"
               + "\n".join(one.log_tail(12) for one in self.fleet), self.must_run)
        verdict = self.oracle.check(states)
        for text in self._positions(ends):
            verdict.note("wrong", 1, text)
        if sum(ends.values()) < self.source.sent:
            verdict.note("wrong", 1, f"{self.source.sent} records sent, the log has {sum(ends.values())}")
        self.states = states
        return verdict, sum(ends.values())

    def put_away(self) -> None:
        """After a good comparison: keeps sums instead of entries, and lets the broker delete what was loaded."""
        self.oracle.put_away(self.states)
        for (topic, partition), end in self.source.ends().items():
            self.servers.streams.delete_records(topic, partition, end)

    def _positions(self, ends: dict) -> list[str]:
        """Commits to Kafka follow the target's; they are given some seconds."""
        found: list[str] = []

        def equal() -> bool:
            found[:] = self.oracle.check_positions(self._committed(), ends)
            return not found
        try:
            await_(equal, COMMIT_S, "commits")
        except AssertionError:
            pass
        return found

    def _committed(self) -> dict[tuple[str, int], int]:
        return {(topic, p): o for topic in self.source.topics.values()
                for p, (o, _) in self.servers.streams.committed(self.group, topic).items()}

    def end(self) -> None:
        """Ends everything; raises if any log has a sanitizer's report or a broken invariant."""
        self.source.end()
        try:
            self.instances.end()
        finally:
            self.target.close()
