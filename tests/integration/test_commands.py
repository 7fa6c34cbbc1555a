"""Command line and configuration: exit codes, and errors that say where and what to do."""

import pytest

from harness.schemas import PlainTable, opt


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
