"""scripts/stack.sh up | down | status: the topology of the tests, in the background, for a user."""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import sys

from . import fetch
from .kafka import Kafka, answers
from .postgres import Postgres
from .process import ServerFailed, free_port, port_is_free, process_start_time, wait_until
from .registry import Registry

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEFAULT_PORTS = {"kafka": 9092, "registry": 8081, "postgres": 5432}
DATABASE = "millrace"

CONFIG = """# Written by scripts/stack.sh: the servers of build/stack.
pipeline = "demo";
kafka:    {{ bootstrap_servers = "{kafka}"; }};
registry: {{ url = "{registry}"; }};
target:   {{ url = "{target}"; schema = "public"; }};
tables = ( {{ topic_regex = "^shop\\\\.public\\\\.(.*)$"; table = "$1"; }} );
http:     {{ listen = "127.0.0.1:9464"; }};
"""


def choose_port(name: str) -> int:
    wanted = DEFAULT_PORTS[name]
    if port_is_free(wanted):
        return wanted
    other = free_port()
    print(f"{name}: port {wanted} is taken, using {other}")
    return other


class Stack:
    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.state_path = folder / "state.json"

    def state(self) -> dict:
        try:
            return json.loads(self.state_path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}

    def running(self) -> dict:
        return {name: one for name, one in self.state().get("servers", {}).items()
                if process_start_time(one["pid"]) == one["started"]}

    def _note(self, state: dict) -> None:
        part = self.state_path.with_suffix(".part")
        part.write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
        part.rename(self.state_path)

    def up(self) -> int:
        running = self.running()
        if running:
            whole = len(running) == len(DEFAULT_PORTS)
            print("already up" if whole else "partly up: scripts/stack.sh down first")
            return self.status()
        self.down()
        self.folder.mkdir(parents=True, exist_ok=True)
        state: dict = {"servers": {}}
        parts = [("postgres", Postgres, lambda s: s.url(DATABASE)),
                 ("kafka", Kafka, lambda s: s.bootstrap),
                 ("registry", Registry, lambda s: s.url)]
        for part in parts:
            try:
                self._start_one(state, *part)
            except (fetch.Unavailable, ServerFailed) as why:
                print(f"{part[0]}: {why}", file=sys.stderr)
                self.down()
                return 69
            except BaseException:  # an interrupt leaves nothing behind either
                self.down()
                raise
        self._write_config(state)
        return self.status()

    def _start_one(self, state: dict, name: str, kind, address) -> None:
        print(f"starting {name} ...", flush=True)
        server = kind(self.folder / name, port=choose_port(name), detached=True)
        if name == "postgres":
            state["postgres_data"] = str(server.data_dir)
        try:
            server.start()
        except BaseException:
            server.kill()
            raise
        state["servers"][name] = {
            "pid": server.pid, "started": process_start_time(server.pid),
            "address": address(server), "port": server.port, "log": str(server.log_path)}
        self._note(state)
        if name == "postgres":
            server.create_database(DATABASE)

    def _write_config(self, state: dict) -> None:
        addresses = {name: one["address"] for name, one in state["servers"].items()}
        text = CONFIG.format(kafka=addresses["kafka"], registry=addresses["registry"],
                             target=addresses["postgres"])
        (self.folder / "millrace.conf").write_text(text, encoding="utf-8")

    def down(self) -> int:
        state = self.state()
        for name, one in reversed(list(state.get("servers", {}).items())):
            if process_start_time(one["pid"]) != one["started"]:
                continue
            print(f"stopping {name}")
            os.kill(one["pid"], signal.SIGINT if name == "postgres" else signal.SIGTERM)

            def gone(pid=one["pid"], started=one["started"]):
                return process_start_time(pid) != started
            try:
                wait_until(gone, 20, f"{name} stopped")
            except TimeoutError:
                os.kill(one["pid"], signal.SIGKILL)
        outside = pathlib.Path(state.get("postgres_data", "/")).parent
        if outside.name.startswith("millrace-pg-"):
            shutil.rmtree(outside, ignore_errors=True)
        for name in DEFAULT_PORTS:  # only what `up` made: the folder may be the user's own
            shutil.rmtree(self.folder / name, ignore_errors=True)
        self.state_path.unlink(missing_ok=True)
        (self.folder / "millrace.conf").unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()
        return 0

    def status(self) -> int:
        running = self.running()
        for name in DEFAULT_PORTS:
            one = running.get(name)
            if one is None:
                print(f"{name:9} down")
                continue
            sick = name == "kafka" and not answers("127.0.0.1", one["port"])
            print(f"{name:9} {'not answering' if sick else 'up'}  {one['address']}  "
                  f"pid {one['pid']}  log {one['log']}")
        if len(running) == len(DEFAULT_PORTS):
            config = self.folder / "millrace.conf"
            shown = config.relative_to(ROOT) if config.is_relative_to(ROOT) else config
            print(f"\nconfiguration: {shown}")
            print(f"next: build/release/millrace run -c {shown}")
            print(f"      build/release/millrace lag -c {shown}")
            return 0
        return 69


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/stack.sh",
        description="Kafka, a schema registry and PostgreSQL on loopback, in the background.")
    parser.add_argument("verb", choices=["up", "down", "status"],
                        help="up: start all; down: stop all and remove their data")
    parser.add_argument("--dir", default=str(ROOT / "build" / "stack"),
                        help="where data, logs and the configuration go (default: build/stack)")
    args = parser.parse_args(argv)
    stack = Stack(pathlib.Path(args.dir))
    return {"up": stack.up, "down": stack.down, "status": stack.status}[args.verb]()
