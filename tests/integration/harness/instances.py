"""Makes instances of the program, and databases for them."""

import itertools
import os
import pathlib

import pytest
from stack import Kafka, Postgres

from . import config
from .millrace import Millrace
from .target import PgTarget

_numbers = itertools.count(1)


def new_database(server: Postgres) -> PgTarget:
    server.must_run()
    return PgTarget(server.create_database(f"db{next(_numbers)}"))


class Instances:
    """Makes instances of the program with settings that suit tests, and looks after them."""

    def __init__(self, folder: pathlib.Path, kafka: Kafka, registry_url: str, target_url: str):
        kafka.must_run()
        self.folder = folder
        self.made: list[Millrace] = []
        self.pipeline = f"p{next(_numbers)}"
        self.defaults = {
            "pipeline": self.pipeline,
            "kafka": {
                "bootstrap_servers": kafka.bootstrap, "session_timeout_ms": 6000,
                "heartbeat_interval_ms": 300, "fetch_wait_max_ms": 50, "reconnect_backoff_ms": 50,
                "reconnect_backoff_max_ms": 500, "topic_metadata_refresh_interval_ms": 1000,
            },
            "registry": {"url": registry_url},
            "target": {"url": target_url},
            "batch": {"max_wait": "100ms"},
        }

    def __call__(self, tables: list[dict], name: str = "millrace", program=None, **settings) -> Millrace:
        whole = config.merged(self.defaults, {"tables": tables, **settings})
        one = Millrace(self.folder, whole, program, name)
        self.made.append(one)
        return one

    def end(self) -> None:
        for one in self.made:
            one.kill()
        for one in self.made:
            one.check_clean()


def need_program(path: pathlib.Path) -> None:
    if not os.access(path, os.X_OK):
        pytest.fail(f"no program at {path}: build it, or name it in MILLRACE_BIN", pytrace=False)
