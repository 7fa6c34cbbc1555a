"""Shopify's toxiproxy: a TCP proxy that delays, slows, slices and resets, told over HTTP.

    toxics = Toxiproxy(run_dir).start()
    port = toxics.create("target", postgres.port)    # connect there instead
    toxics.add("target", "latency", {"latency": 200, "jitter": 50})
    toxics.clear("target")

Built once by `go install` into the cache.
"""

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request

from . import fetch
from .process import Server, ServerFailed, free_port

MODULE = "github.com/Shopify/toxiproxy/v2/cmd/server"
VERSION = "v2.5.0"
BUILD_TIMEOUT_S = 300


def program():
    """The server's program in the cache, built if it is not there yet."""
    place = fetch.cache_dir() / f"toxiproxy-{VERSION}"
    if place.exists():
        return place
    if shutil.which("go") is None:
        raise fetch.Unavailable("toxiproxy is built from source, and there is no Go")
    folder = fetch.cache_dir() / f"toxiproxy-{VERSION}.{os.getpid()}"
    try:
        done = subprocess.run(["go", "install", f"{MODULE}@{VERSION}"], env={**os.environ, "GOBIN": str(folder)},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S,
                              check=False)
        if done.returncode != 0:
            raise fetch.Unavailable(f"toxiproxy does not build: {done.stderr.strip()[-300:]}")
        os.replace(folder / "server", place)
    except subprocess.TimeoutExpired as late:
        raise fetch.Unavailable(f"toxiproxy was not built within {BUILD_TIMEOUT_S} s") from late
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return place


class Toxiproxy(Server):
    name = "toxiproxy"

    def __init__(self, run_dir, detached: bool = False):
        super().__init__(run_dir, detached)
        self.program = program()
        self.port = free_port()

    def command(self) -> list[str]:
        return [str(self.program), "-host", "127.0.0.1", "-port", str(self.port)]

    def environment(self) -> dict[str, str]:
        return {**os.environ, "LOG_LEVEL": "error"}

    def is_ready(self) -> bool:
        try:
            self._ask("GET", "/proxies")
            return True
        except (OSError, ServerFailed):
            return False

    def _ask(self, method: str, path: str, body: dict | None = None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data,
                                         {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise ServerFailed(f"toxiproxy {method} {path}: {error.code} {error.read().decode()}") from error
        return json.loads(text) if text else None

    def create(self, name: str, upstream: int) -> int:
        """A proxy before that port of this machine; gives the port on which it listens."""
        port = free_port()
        self._ask("POST", "/proxies", {"name": name, "listen": f"127.0.0.1:{port}",
                                       "upstream": f"127.0.0.1:{upstream}", "enabled": True})
        return port

    def add(self, name: str, kind: str, attributes: dict, stream: str = "downstream") -> None:
        """stream: `downstream` is what the server sends, `upstream` what the client does."""
        self._ask("POST", f"/proxies/{name}/toxics", {"name": f"{kind}-{stream}", "type": kind, "stream": stream,
                                                      "toxicity": 1.0, "attributes": attributes})

    def clear(self, name: str) -> None:
        """Removes every toxic of that proxy."""
        for toxic in self._ask("GET", f"/proxies/{name}/toxics"):
            self._ask("DELETE", f"/proxies/{name}/toxics/{toxic['name']}")
