"""Packages of the servers: fetched once by Maven into a cache outside the build folder.

A folder counts as complete only when its `.complete` mark exists; it is made beside its final place
and renamed, so a fetch that was interrupted leaves nothing that looks whole.
"""

import contextlib
import fcntl
import hashlib
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

DEBEZIUM_POSTGRES_VERSION = "3.7.0.Final"
DEBEZIUM_MARIADB_VERSION = "3.5.0.Final"  # the newest that the registries have
SUMS = pathlib.Path(__file__).with_name("connect.sha256")

POM = """<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>millrace.stack</groupId>
  <artifactId>{name}</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>{dependencies}
  </dependencies>
</project>
"""
DEPENDENCY = """
    <dependency>
      <groupId>{}</groupId>
      <artifactId>{}</artifactId>
      <version>{}</version>
    </dependency>"""


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


def _copy_jars(part: pathlib.Path, artifacts: list[str], *options: str) -> None:
    """Fills part/libs with the artifacts ("group:name:version") and all that they need at run time."""
    listed = "".join(DEPENDENCY.format(*one.split(":")) for one in artifacts)
    (part / "pom.xml").write_text(POM.format(name="libs", dependencies=listed), encoding="ascii")
    _maven(["--strict-checksums", "-f", "pom.xml", f"{DEPENDENCY_PLUGIN}:copy-dependencies",
            "-DincludeScope=runtime", f"-DoutputDirectory={part / 'libs'}", *options], part)


def _check_sums(name: str, libs: pathlib.Path) -> None:
    """Compares every jar with the pinned sums, which also pins what is needed at second hand."""
    pinned = {line.split("  ", 1)[1]: line.split("  ", 1)[0]
              for line in SUMS.read_text(encoding="ascii").splitlines() if line.split("  ")[1].startswith(f"{name}/")}
    found = {f"{name}/{jar.name}": hashlib.sha256(jar.read_bytes()).hexdigest() for jar in libs.glob("*.jar")}
    wrong = sorted(set(pinned.items()) ^ set(found.items()))
    if wrong:
        raise Unavailable(f"{wrong[0][0]} is not what {SUMS.name} pins")


def kafka_libs() -> pathlib.Path:
    """The folder with Kafka's jars (44 MB)."""
    def fill(part: pathlib.Path) -> None:
        _copy_jars(part, [f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
                          f"org.slf4j:slf4j-simple:{SLF4J_VERSION}"])
    java()
    return _fetched(f"kafka-{KAFKA_VERSION}", fill) / "libs"


def _pinned_jars(name: str, artifacts: list[str], *options: str) -> pathlib.Path:
    def fill(part: pathlib.Path) -> None:
        _copy_jars(part, artifacts, *options)
        _check_sums(name, part / "libs")
    java()
    return _fetched(name, fill) / "libs"


def connect_libs() -> pathlib.Path:
    """Kafka Connect's worker (30 MB)."""
    return _pinned_jars(f"connect-{KAFKA_VERSION}", [
        f"org.apache.kafka:connect-runtime:{KAFKA_VERSION}",
        f"org.apache.kafka:connect-json:{KAFKA_VERSION}",
        f"org.slf4j:slf4j-simple:{SLF4J_VERSION}"])


def _connect_plugin(name: str, artifact: str) -> pathlib.Path:
    """A plugin's folder, without what every plugin has from its worker."""
    return _pinned_jars(name, [artifact], "-DexcludeGroupIds=org.apache.kafka,org.slf4j").parent


def avro_converter() -> pathlib.Path:
    """Apicurio's Avro converter, which can write Confluent's framing."""
    return _connect_plugin(f"apicurio-converter-{REGISTRY_VERSION}",
                           f"io.apicurio:apicurio-registry-utils-converter:{REGISTRY_VERSION}")


def debezium_postgres() -> pathlib.Path:
    return _connect_plugin(f"debezium-postgres-{DEBEZIUM_POSTGRES_VERSION}",
                           f"io.debezium:debezium-connector-postgres:{DEBEZIUM_POSTGRES_VERSION}")


def debezium_mariadb() -> pathlib.Path:
    return _connect_plugin(f"debezium-mariadb-{DEBEZIUM_MARIADB_VERSION}",
                           f"io.debezium:debezium-connector-mariadb:{DEBEZIUM_MARIADB_VERSION}")


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
