"""The program under test: its configuration file, its process, its log, its HTTP side."""

import ctypes
import json
import os
import pathlib
import re
import signal
import subprocess

import requests

from stack import free_port

from . import config, logfmt
from .waiting import await_

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)
# Once, before any fork: what runs between fork and exec must not import or allocate much.
SANITIZER_REPORT = re.compile(
    r"(ERROR|WARNING): (Address|Leak|Thread|Memory)Sanitizer|runtime error: |SUMMARY: \w+Sanitizer")
SANITIZER_EXIT = 99
ROOT = pathlib.Path(__file__).resolve().parents[3]


def binary() -> pathlib.Path:
    """The program that the tests start: $MILLRACE_BIN, else $MR_BINARY, else the release build."""
    named = os.environ.get("MILLRACE_BIN") or os.environ.get("MR_BINARY")
    return pathlib.Path(named) if named else ROOT / "build/release/millrace"


def release_binary() -> pathlib.Path:
    """The program whose memory and speed mean something: never a sanitizer build."""
    named = os.environ.get("MR_BINARY_RELEASE")
    return pathlib.Path(named) if named else ROOT / "build/release/millrace"


def _die_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))


class Millrace:
    """One instance. `settings` is laid upon the defaults by the fixture that makes it."""

    def __init__(self, folder, settings: dict, program: pathlib.Path | None = None, name: str = "millrace"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.program = program or binary()
        self.http_port = free_port()
        self.settings = config.merged({"http": {"listen": f"127.0.0.1:{self.http_port}"}}, settings)
        self.config_path = self.folder / f"{name}.conf"
        self.log_path = self.folder / f"{name}.log"
        self.process: subprocess.Popen | None = None
        self.exit_codes: list[int] = []
        self.write_config()

    def write_config(self) -> None:
        self.config_path.write_text(config.document(self.settings), encoding="utf-8")

    @property
    def pipeline(self) -> str:
        return self.settings["pipeline"]

    @property
    def group(self) -> str:
        return self.settings.get("kafka", {}).get("group_id", self.pipeline)

    # -- life
    def environment(self) -> dict[str, str]:
        wanted = {"ASAN_OPTIONS": f"abort_on_error=0:exitcode={SANITIZER_EXIT}",
                  "UBSAN_OPTIONS": f"print_stacktrace=1:exitcode={SANITIZER_EXIT}"}
        suppressions = ROOT / "tests/lsan.supp"
        if suppressions.exists():
            wanted["LSAN_OPTIONS"] = f"suppressions={suppressions}:print_suppressions=0"
        env = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        return {**env, **wanted}

    def argv(self, *args: str) -> list[str]:
        return [str(self.program), args[0], "-c", str(self.config_path), *args[1:]]

    def start(self, *args: str) -> "Millrace":
        """Starts `millrace run`, with more arguments if given. The log goes on in the same file."""
        assert not self.is_running(), f"{self.name} is running already"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.argv("run", *args), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.folder, env=self.environment(), preexec_fn=_die_with_parent)
        return self

    def command(self, *args: str, timeout_s: float = 60) -> subprocess.CompletedProcess:
        """Runs another command with the same configuration to its end; output is text."""
        done = subprocess.run(self.argv(*args), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              cwd=self.folder, env=self.environment(), timeout=timeout_s, check=False)
        assert not SANITIZER_REPORT.search(done.stderr), done.stderr[-4000:]
        return done

    def load_to_end(self, *args: str, timeout_s: float = 120, expect: int = 0) -> None:
        """`run --until-caught-up`, and its exit code."""
        self.start("--until-caught-up", *args)
        code = self.wait(timeout_s)
        assert code == expect, f"{self.name}: exit {code}, expected {expect}\n{self.log_tail()}"

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def must_run(self) -> None:
        """Raises if the process has ended; for waiting."""
        if self.process is not None and self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with status {self.process.returncode}\n{self.log_tail()}")

    def wait(self, timeout_s: float = 60) -> int:
        try:
            code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired as late:
            tail = self.log_tail()
            self.kill()
            raise AssertionError(f"{self.name} did not end within {timeout_s:g} s\n{tail}") from late
        self.exit_codes.append(code)
        return code

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self, timeout_s: float = 30, expect: int = 0) -> None:
        """SIGTERM, and the exit code that it must give."""
        if self.process is None:
            return
        if self.is_running():
            self.signal(signal.SIGTERM)
        code = self.wait(timeout_s)
        assert code == expect, f"{self.name}: exit {code} after SIGTERM, expected {expect}\n{self.log_tail()}"

    def kill(self) -> None:
        """SIGKILL; returns when the process is gone."""
        if self.is_running():
            self.process.kill()
            self.process.wait(10)

    def suspend(self) -> None:
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    # -- log
    def log_text(self) -> str:
        try:
            return self.log_path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def log_tail(self, n_lines: int = 40) -> str:
        return f"--- log of {self.name}\n" + "\n".join(self.log_text().splitlines()[-n_lines:])

    def events(self, name: str | None = None, **keys) -> list[dict[str, str]]:
        lines = [logfmt.parse(line) for line in self.log_text().splitlines() if "event=" in line]
        return [e for e in lines if logfmt.matches(e, name, keys)]

    def await_event(self, name: str | None = None, deadline_s: float = 30, **keys) -> dict[str, str]:
        found = await_(lambda: self.events(name, **keys), deadline_s,
                       lambda: f"event {name or ''} {keys}\n{self.log_tail()}", self.must_run)
        return found[0]

    def await_error(self, code: str, deadline_s: float = 30, **keys) -> dict[str, str]:
        """Waits for a line whose `err` is the code."""
        return self.await_event(None, deadline_s, err=code, **keys)

    def error_codes(self) -> set[str]:
        return {e["err"] for e in self.events() if "err" in e}

    def check_clean(self) -> None:
        """No sanitizer report, no broken invariant, in all that this instance has written."""
        text = self.log_text()
        found = SANITIZER_REPORT.search(text)
        assert not found, f"{self.name}: sanitizer report\n{text[found.start():found.start() + 6000]}"
        assert SANITIZER_EXIT not in self.exit_codes, f"{self.name}: sanitizer exit\n{self.log_tail()}"
        broken = [e for e in self.events() if e.get("class") == "BUG" or e.get("err") == "internal.bug"]
        assert not broken, f"{self.name}: broken invariant {broken[:3]}"

    # -- HTTP
    def get(self, path: str, timeout_s: float = 10) -> requests.Response:
        return requests.get(f"http://127.0.0.1:{self.http_port}{path}", timeout=timeout_s)

    def answers(self, path: str, status: int = 200) -> bool:
        try:
            return self.get(path).status_code == status
        except requests.RequestException:
            return False

    def await_ready(self, deadline_s: float = 30) -> "Millrace":
        await_(lambda: self.answers("/readyz"), deadline_s,
               lambda: f"{self.name} ready\n{self.log_tail()}", self.must_run)
        return self

    def status(self) -> dict:
        return json.loads(self.get("/status").text)

    def metrics(self) -> "Metrics":
        return Metrics(self.get("/metrics").text)

    def peak_rss_kib(self) -> int:
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmHWM:\s+(\d+)", text)[1])

    def cpu_seconds(self) -> float:
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Metrics:
    """Prometheus text: values by name and labels."""

    LINE = re.compile(r"^([A-Za-z_:][A-Za-z0-9_:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$")
    LABEL = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"')

    def __init__(self, text: str):
        self.text = text
        self.samples: list[tuple[str, dict[str, str], float]] = []
        self.types: dict[str, str] = {}
        self.strange: list[str] = []
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(maxsplit=3)
                self.types[name] = kind
            elif line and not line.startswith("#"):
                found = self.LINE.match(line)
                if found is None:
                    self.strange.append(line)
                else:
                    self.samples.append((found[1], dict(self.LABEL.findall(found[2] or "")), float(found[3])))

    def names(self) -> set[str]:
        return {name for name, _, _ in self.samples}

    def value(self, name: str, **labels) -> float | None:
        """The sum of the samples with these labels; None if there is none."""
        found = [v for n, have, v in self.samples
                 if n == name and all(have.get(k) == str(w) for k, w in labels.items())]
        return sum(found) if found else None
