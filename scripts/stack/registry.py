"""Apicurio registry, which speaks the Confluent registry's API. It keeps its content in memory: a
stop loses it, so tests that take it away cut a proxy before it instead."""

import http.client
import json
import os
import urllib.error
import urllib.request

from . import fetch
from .process import Server, free_port


class Registry(Server):
    name = "registry"
    start_deadline_s = 90.0

    def __init__(self, run_dir, port: int | None = None, heap_mb: int = 192, detached: bool = False):
        super().__init__(run_dir, detached)
        self.jar = fetch.registry_jar()
        self.port = port or free_port()
        self.heap_mb = heap_mb

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/apis/ccompat/v7"

    @property
    def native_url(self) -> str:
        """Apicurio's own API, for its converters."""
        return f"http://127.0.0.1:{self.port}/apis/registry/v2"

    def url_through(self, port: int) -> str:
        """The same API behind a proxy that listens on `port`."""
        return f"http://127.0.0.1:{port}/apis/ccompat/v7"

    def environment(self) -> dict[str, str]:
        return {**os.environ, "QUARKUS_HTTP_HOST": "127.0.0.1", "QUARKUS_HTTP_PORT": str(self.port),
                "LOG_LEVEL": "WARN", "REGISTRY_LOG_LEVEL": "WARN"}

    def command(self) -> list[str]:
        return [fetch.java(), *fetch.java_options(self.run_dir, self.heap_mb),
                "-XX:TieredStopAtLevel=1", "-jar", str(self.jar)]

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/subjects", timeout=5) as answer:
                return isinstance(json.load(answer), list)
        except (OSError, ValueError, urllib.error.URLError, http.client.HTTPException):
            return False
