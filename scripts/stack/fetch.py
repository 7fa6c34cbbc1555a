"""Packages of the servers: fetched once by Maven into a cache outside the build folder.

A folder counts as complete only when its `.complete` mark exists; it is made beside its final place
and renamed, so a fetch that was interrupted leaves nothing that looks whole.
"""

import contextlib
import fcntl
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

KAFKA_VERSION = "4.3.1"
SLF4J_VERSION = "1.7.36"
REGISTRY_VERSION = "2.6.13.Final"
DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1"
FETCH_TIMEOUT_S = 600

POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>millrace.stack</groupId>
  <artifactId>kafka-runtime</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>{SLF4J_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""


class Unavailable(Exception):
    """A server cannot be had on this machine; the text is the reason."""


def cache_dir() -> pathlib.Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    path = pathlib.Path(base) / "millrace"
    path.mkdir(parents=True, exist_ok=True)
    return path


def need_program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise Unavailable(f"the program {name} is not installed")
    return found


def java() -> str:
    return need_program("java")


def java_options(run_dir: pathlib.Path, heap_mb: int) -> list[str]:
    """Options for every JVM here: bounded, and with nothing left in the system's /tmp."""
    scratch = run_dir / "tmp"
    scratch.mkdir(exist_ok=True)
    return [f"-Xmx{heap_mb}m", "-XX:+UseSerialGC", "-XX:-UsePerfData", f"-Djava.io.tmpdir={scratch}"]


@contextlib.contextmanager
def _locked(name: str):
    """Only one process fetches a package at a time; the others wait and then find it."""
    with open(cache_dir() / f"{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _maven(args: list[str], cwd: pathlib.Path) -> None:
    command = [need_program("mvn"), "--batch-mode", "--quiet", *args]
    try:
        done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=FETCH_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as late:
        raise Unavailable(f"maven did not end within {FETCH_TIMEOUT_S} s") from late
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).strip().splitlines()
        raise Unavailable("maven: " + (" / ".join(lines[:3]) if lines else "no message"))


def _fetched(name: str, fill) -> pathlib.Path:
    """The folder `name` in the cache; `fill(folder)` makes its content if it is not there yet."""
    final = cache_dir() / name
    if (final / ".complete").exists():
        return final
    with _locked(name):
        if (final / ".complete").exists():
            return final
        part = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}.part-", dir=cache_dir()))
        try:
            fill(part)
            (part / ".complete").touch()
            shutil.rmtree(final, ignore_errors=True)
            part.rename(final)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return final


def kafka_libs() -> pathlib.Path:
    """The folder with Kafka's jars (44 MB)."""
    def fill(part: pathlib.Path) -> None:
        (part / "pom.xml").write_text(POM, encoding="ascii")
        _maven(["-f", "pom.xml", f"{DEPENDENCY_PLUGIN}:copy-dependencies",
                "-DincludeScope=runtime", f"-DoutputDirectory={part / 'libs'}"], part)
    java()
    return _fetched(f"kafka-{KAFKA_VERSION}", fill) / "libs"


def registry_jar() -> pathlib.Path:
    """Apicurio's runner jar, with its libraries beside it (140 MB packed)."""
    def fill(part: pathlib.Path) -> None:
        artifact = f"io.apicurio:apicurio-registry-app:{REGISTRY_VERSION}:tar.gz:all"
        _maven([f"{DEPENDENCY_PLUGIN}:copy", f"-Dartifact={artifact}",
                f"-DoutputDirectory={part}"], part)
        for packed in part.glob("*.tar.gz"):
            with tarfile.open(packed) as archive:
                archive.extractall(part, filter="data")
            packed.unlink()
    java()
    folder = _fetched(f"apicurio-registry-{REGISTRY_VERSION}", fill)
    return folder / f"apicurio-registry-app-{REGISTRY_VERSION}-runner.jar"


def postgres_bin() -> pathlib.Path:
    """The folder of PostgreSQL's server programs; the newest that is installed, 14 or later."""
    named = os.environ.get("MILLRACE_PG_BIN")
    if named:
        return pathlib.Path(named)
    found = [p.parent for p in pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb")
             if p.parent.parent.name.isdigit() and int(p.parent.parent.name) >= 14]
    if found:
        return max(found, key=lambda p: int(p.parent.name))
    config = shutil.which("pg_config")
    if config:
        folder = subprocess.run([config, "--bindir"], capture_output=True, text=True,
                                check=True).stdout.strip()
        if (pathlib.Path(folder) / "initdb").exists():
            return pathlib.Path(folder)
    raise Unavailable("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
