"""Command line and configuration: exit codes, and errors that say where and what to do."""

import pytest

from harness.instances import need_program
from harness.millrace import Millrace, binary
from harness.schemas import PlainTable, opt

# Nothing listens at these addresses: what is wrong here is seen before anybody is asked.
FILE = """pipeline = "p";
kafka = {
  bootstrap_servers = "127.0.0.1:1";
};
registry = {
  url = "http://127.0.0.1:1";
};
target = {
  url = "postgresql://127.0.0.1:1/none";
};
batch = {
  max_wait = "100ms";
};
http = {
  listen = "";
};
tables = (
  { topic = "s.public.t"; table = "t"; }
);
""".splitlines()
PIPELINE, KAFKA, REGISTRY, TARGET, BATCH, HTTP, ROUTE = 1, 3, 6, 9, 12, 15, 18
# line, what stands there instead, code, what the message says to do
MISTAKES = {
    "unknown key": (PIPELINE, 'pipelne = "p";', "config.unknown_key", "the nearest is `pipeline`"),
    "unknown key of a group": (BATCH, 'max_wiat = "1s";', "config.unknown_key", "the nearest is `batch.max_wait`"),
    "unknown key of a route": (ROUTE, '{ topc = "t"; }', "config.unknown_key", "the nearest is `tables[0].topic`"),
    "unknown key of a column": (ROUTE, '{ topic = "t"; columns = ( { field = "f"; nam = "x"; } ); }',
                                "config.unknown_key", "the nearest is `tables[0].columns[0].name`"),
    "number for a time": (BATCH, "max_wait = 100;", "config.type", 'such as "500ms"'),
    "time without unit": (BATCH, 'max_wait = "100";', "config.type", 'such as "500ms"'),
    "size with an unknown unit": (BATCH, 'max_bytes = "16MX";', "config.type", "KiB, MiB, GiB"),
    "string for a truth value": (PIPELINE, 'pipeline = "p"; check_with_avro_c = "yes";', "config.type",
                                 "true or false"),
    "start that is no time": (PIPELINE, 'pipeline = "p"; start = "yesterday";', "config.type", '"earliest"'),
    "too small": (BATCH, "max_rows = 0;", "config.range", "from 1 to 1000000"),
    "too large": (BATCH, "max_rows = 2000000;", "config.range", "from 1 to 1000000"),
    "33 bits without L": (PIPELINE, 'pipeline = "p"; lanes = 3000000000;', "config.range", "3000000000L"),
    "unknown choice": (ROUTE, '{ topic = "t"; strategy = "upsrt"; }', "config.range", 'did you mean "upsert"'),
    "choice not built yet": (ROUTE, '{ topic = "t"; strategy = "scd2"; }', "config.invalid", '"upsert" | "append"'),
    "key not built yet": (PIPELINE, 'pipeline = "p"; slots = 2;', "config.invalid", "remove it"),
    "key twice": (PIPELINE, 'pipeline = "p"; pipeline = "q";', "config.syntax", "remove one of them"),
    "no value": (BATCH, "max_wait = ;", "config.syntax", "missing `=`, quote or comma"),
    "name with a blank": (PIPELINE, 'pipeline = "a b";', "config.invalid", "write another name"),
    "unknown kind of target": (TARGET, 'url = "mysql://h/d";', "config.invalid", "write postgresql://"),
    "SQLite without a file": (TARGET, 'url = "sqlite:";', "config.invalid", "write sqlite:FILE"),
    "pool smaller than the writers": (TARGET, 'url = "postgresql://h/d"; pool = { max = 4; };', "config.invalid",
                                      "write at least 6"),
    "pool upside down": (TARGET, 'url = "postgresql://h/d"; pool = { min = 20; };', "config.invalid",
                         "more than target.pool.max"),
    "memory for fewer lanes": (PIPELINE, 'pipeline = "p"; memory_limit = "8MiB";', "config.invalid",
                               'write at least "16MiB"'),
    "address without port": (HTTP, 'listen = "nowhere";', "config.invalid", 'write "127.0.0.1:9464"'),
    "open to all without a token": (HTTP, 'listen = "0.0.0.0:9464";', "config.invalid", "set http.bearer_token"),
    "registry without http": (REGISTRY, 'url = "registry:8081";', "config.invalid", 'write "http://HOST:8081"'),
    "two ways to log in": (REGISTRY, 'url = "http://h"; basic_auth = "u:p"; bearer_token = "x";', "config.invalid",
                           "keep one of them"),
    "certificate without key": (REGISTRY, 'url = "http://h"; tls = { cert = "c.pem"; };', "config.invalid",
                                "set both or none"),
    "property the client lacks": (KAFKA, "fetch_wiat_max_ms = 10;", "config.unknown_key", "CONFIGURATION.md"),
    "property that is millrace's": (KAFKA, 'auto_offset_reset = "earliest";', "config.unknown_key", "use start"),
    "expression that does not parse": (ROUTE, '{ topic_regex = "("; table = "t"; }', "config.invalid", "correct it"),
    "group that is not there": (ROUTE, '{ topic_regex = "^x(.*)$"; table = "$2"; }', "config.invalid",
                                "add parentheses"),
    "route without a topic": (ROUTE, '{ table = "t"; }', "config.invalid", "set one of them"),
    "one table for two routes": (ROUTE, '{ topic = "a"; table = "t"; }, { topic = "b"; table = "t"; }',
                                 "config.invalid", "set table_shared = true"),
    "registry that is not there": (ROUTE, '{ topic = "a"; registry = "b"; }', "config.invalid", "add one"),
    "file that is not there": (TARGET, 'url = "${file:/none/such}";', "config.invalid", "check the path"),
    "included file that is not there": (PIPELINE, '@include "none.conf"', "config.invalid", "check the path"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_wrong_configuration_is_78_with_its_place_and_the_remedy(mistake, tmp_path):
    """Design 7 and 8: nothing is started; one line names code, file, line, and what to do."""
    need_program(binary())
    line, text, code, remedy = MISTAKES[mistake]
    one = Millrace(tmp_path, {})
    one.config_path.write_text("\n".join([*FILE[:line - 1], text, *FILE[line:]]) + "\n", encoding="utf-8")
    done = one.command("run", "--until-caught-up", timeout_s=20)
    assert done.returncode == 78, done.stderr
    said, = done.stderr.splitlines()
    assert code in said and f"{one.config_path.name}:{line}: " in said and remedy in said, said


def test_the_file_that_the_mistakes_are_made_in_is_right(tmp_path):
    need_program(binary())
    one = Millrace(tmp_path, {})
    one.config_path.write_text("\n".join(FILE) + "\n", encoding="utf-8")
    done = one.command("config", timeout_s=20)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def one(streams, schemas, topic, millrace):
    streams.create(topic("orders"))
    PlainTable(schemas, topic("orders"), [("id", "int"), ("a", opt("string"))], ["id"])
    return millrace([{"topic": topic("orders"), "table": "orders"}])


def run_with(one, text: str):
    one.config_path.write_text(text, encoding="utf-8")
    return one.command("run", "--until-caught-up")


def test_an_unknown_key_is_refused_with_its_place_and_the_nearest_key(one):
    """Design 7: exit 78, file and line, the nearest known key."""
    text = one.config_path.read_text(encoding="utf-8")
    lines = text.count("\n")
    done = run_with(one, text + "lannes = 4;\n")
    assert done.returncode == 78, done.stderr
    assert f"{one.config_path.name}:{lines + 1}" in done.stderr and "lanes" in done.stderr
    assert "config.unknown_key" in done.stderr


@pytest.mark.parametrize(("key", "setting", "hint"), [
    ("enable_auto_commit", "true", "enable.auto.commit"), ("auto_offset_reset", '"earliest"', "start"),
    ("group.id", '"x"', None), ("isolation_level", '"read_uncommitted"', "isolation")])
def test_librdkafka_properties_that_are_millraces_own_are_refused_by_name(key, setting, hint, one):
    """Design 7: refused with the key to use."""
    text = one.config_path.read_text(encoding="utf-8").replace("kafka = {", f"kafka = {{ {key} = {setting};", 1)
    done = run_with(one, text)
    assert done.returncode == 78, done.stderr
    if hint:
        assert hint in done.stderr


def test_an_integer_that_libconfig_would_misread_is_refused(one):
    """Design 7: over 32 bits without L."""
    text = one.config_path.read_text(encoding="utf-8") + "lanes = 3000000000;\n"
    assert run_with(one, text).returncode == 78


@pytest.mark.parametrize("text", ["pipeline = ;\n", 'pipeline = "x"\n@', ""], ids=["syntax", "junk", "empty"])
def test_a_file_that_is_no_configuration_is_refused(text, one):
    done = run_with(one, text)
    assert done.returncode == 78 and done.stderr.strip()


@pytest.mark.parametrize("args", [["nonsense"], ["run", "--no-such-option"], ["lag", "--json", "surplus"]],
                         ids=["command", "option", "argument"])
def test_a_command_line_that_makes_no_sense_is_64(args, one):
    assert one.command(*args).returncode == 64


def test_help_is_on_standard_output(one):
    done = one.command("run", "--help")
    assert done.returncode == 0 and "--until-caught-up" in done.stdout


def test_settings_on_the_command_line_win(one, target, streams):
    """Design 8: -o key=value."""
    done = one.command("run", "--until-caught-up", "-o", "batch.max_rows=0")
    assert done.returncode == 78 and "max_rows" in done.stderr
    done = one.command("run", "--until-caught-up", "-o", "batch.max_rows=7")
    assert done.returncode == 0, done.stderr


def test_a_configuration_that_is_missing_is_said_to_be(one, tmp_path):
    one.config_path = tmp_path / "none.conf"
    done = one.command("run")
    assert done.returncode in (66, 78, 74) and "none.conf" in done.stderr


def test_a_value_from_the_environment(one, monkeypatch, target):
    """Design 7: ${env:NAME} and ${env:NAME:-default}."""
    monkeypatch.setenv("MILLRACE_TEST_TARGET", target.url)
    one.settings["target"]["url"] = "${env:MILLRACE_TEST_TARGET}"
    one.settings["log"] = {"level": "${env:MILLRACE_TEST_LEVEL:-info}"}
    one.write_config()
    one.load_to_end()


def test_a_variable_that_is_not_set_is_named(one):
    one.settings["target"]["url"] = "${env:MILLRACE_TEST_NOT_SET}"
    one.write_config()
    done = one.command("run")
    assert done.returncode == 78 and "MILLRACE_TEST_NOT_SET" in done.stderr
