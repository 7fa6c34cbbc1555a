"""`millrace check`: what is there and what is missing, against real servers; nothing is joined, claimed or altered."""

import json
import socket

import pytest

from harness.schemas import DebeziumTable, PlainTable, opt
from harness.target import PgTarget, SqliteTarget
from harness.waiting import await_

ID = ("id", "int")
CHECKS = ["config", "http", "brokers", "topics", "group", "registry", "target", "positions", "tables", "rights"]


class Found(dict):
    """The object of `check --json`, and its findings by level and check."""

    def of(self, level: str, check: str = "") -> list[dict]:
        return [f for f in self["findings"] if f["level"] == level and check in ("", f["check"])]


def check_of(one, expect: int = 0) -> Found:
    done = one.command("check", "--json")
    assert done.returncode == expect, done.stdout + done.stderr
    found = Found(json.loads(done.stdout))
    assert found["exit_code"] == expect
    return found


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
def loaded(streams, schemas, topic):
    """loaded("orders") -> a topic with a record of {id, a}, and its route."""
    def make(name: str, **route) -> dict:
        full = topic(name)
        streams.create(full)
        table = PlainTable(schemas, full, [ID, ("a", opt("string"))], ["id"])
        streams.produce(table.put({"id": 1, "a": "x"}))
        return {"topic": full, "table": name, **route}
    return make


@pytest.fixture
def weak(postgres, target):
    """A role without rights in the target's database."""
    name = target.url.rsplit("/", 1)[1]
    role = f"weak_{name}"
    target.run(f"CREATE ROLE {role} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    head, tail = target.url.split("//", 1)
    yield role, f"{head}//{role}@{tail.rsplit('@', 1)[-1]}"
    target.run(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


def nothing_was_made(target) -> bool:
    return target.query("SELECT 1 FROM pg_namespace WHERE nspname = 'millrace'") == []


def test_all_is_well_before_and_after_a_load(loaded, millrace, target, streams):
    """design.md section 8: each check says ok, and leaves no trace."""
    one = millrace([loaded("orders")], http={"listen": f"127.0.0.1:{free_port()}"})
    await_(lambda: check_of(one).of("ok", "group"), 30, "a new broker's coordinator of groups")
    found = check_of(one)
    assert [c for c in CHECKS if not found.of("ok", c)] == ["positions"], found
    assert found["faults"] == 0 and found["skipped"] == 0 and found.of("note", "positions")
    assert nothing_was_made(target) and not target.exists("orders")
    assert one.command("check", "--sql").stdout == "-- no statement is needed\n"
    one.load_to_end()
    epochs = target.epochs(one.settings["tables"][0]["topic"])
    found = check_of(one)
    assert found.of("ok", "positions") and "fits as it is" in found.of("ok", "tables")[0]["what"]
    assert target.epochs(one.settings["tables"][0]["topic"]) == epochs
    assert streams.members(one.settings["pipeline"]) == {}
    text = one.command("check").stdout
    assert text.splitlines()[-1] == (f"{found['ok']} ok, {found['notes']} notes, {found['warnings']} warnings, "
                                     "0 faults")


def test_brokers_that_are_away_leave_the_rest_to_be_checked(loaded, millrace):
    """design.md section 8: exit 69; what needs the brokers is named as not checked."""
    one = millrace([loaded("t")], kafka={"bootstrap_servers": "127.0.0.1:1"})
    found = check_of(one, expect=69)
    assert [f["check"] for f in found.of("fault")] == ["brokers"]
    assert {f["check"] for f in found.of("skipped")} == {"topics", "group", "letters", "positions", "tables", "rights"}
    assert all(f["what"] == "not checked: brokers" for f in found.of("skipped") if f["check"] != "rights")
    assert found.of("ok", "registry") and found.of("ok", "target") and found.of("fault")[0]["remedy"]
    script = one.command("check", "--sql").stdout
    assert "-- not checked: schemas parse and fit their tables (brokers)\n" in script
    assert "-- not checked: the role may do what run does (no table is known)\n" in script
    assert "no statement is needed" not in script


def test_a_registry_and_a_target_that_are_away_are_told_together(loaded, millrace):
    one = millrace([loaded("t")], registry={"url": "http://127.0.0.1:1"},
                   target={"url": "postgresql://127.0.0.1:1/none"})
    found = check_of(one, expect=69)
    assert [f["check"] for f in found.of("fault")] == ["registry", "target"]
    assert found.of("ok", "topics") and {f["check"] for f in found.of("skipped")} == {"positions", "tables", "rights"}


def test_missing_topics_and_routes_without_any_are_told_apart(loaded, millrace, topic):
    """K-04: an exact topic is a fault, a pattern that matches none a warning."""
    there = loaded("there")
    one = millrace([there, {"topic": topic("absent"), "table": "u"},
                    {"topic_regex": "^nothing\\.like\\.this$", "table": "v"},
                    {"topic_regex": there["topic"].replace(".", "\\."), "table": "again"}])
    found = check_of(one, expect=69)
    assert [(f["subject"], f["what"].split(":")[0]) for f in found.of("fault")] == [
        (topic("absent"), "source.topic_missing")]
    assert [f["what"] for f in found.of("warning", "topics")] == [
        "no topic matches that no earlier route takes"] * 2


def test_a_short_retention_and_truncates_without_order_are_told(streams, schemas, topic, millrace):
    """R-21, K-05: what would halt a table later is said before."""
    name = topic("t")
    streams.create(name, partitions=2, config={"retention.ms": "3600000", "cleanup.policy": "compact,delete"})
    table = PlainTable(schemas, name, [ID], ["id"])
    streams.produce(table.put({"id": 1}))
    found = check_of(millrace([{"topic": name, "table": "t"}]))
    assert "after 1.0 hours" in found.of("note", "topics")[0]["what"]
    assert "a truncate would halt its table" in found.of("warning", "topics")[0]["what"]
    found = check_of(millrace([{"topic": name, "table": "t", "strategy": "append"}], name="append"))
    assert [f["what"].split(":")[0] for f in found.of("warning", "topics")] == ["is compacted"]


def test_a_table_that_does_not_fit_is_a_fault_with_its_statement(loaded, millrace, target):
    """X-08: the plan's troubles are check's; exit 65, and --sql prints what mends it."""
    target.run("CREATE TABLE nokey(id int, a text); CREATE TABLE wrong(id int PRIMARY KEY, a int4range[])")
    one = millrace([loaded("nokey"), loaded("fits")])
    found = check_of(one, expect=65)
    fault = found.of("fault")[0]
    assert (fault["check"], fault["what"].split(":")[0]) == ("tables", "target.no_unique_key")
    done = one.command("check", "--sql")
    assert done.returncode == 65 and fault["sql"] in done.stdout
    target.run(done.stdout)
    check_of(one)


def test_a_role_without_rights_is_told_the_grants_and_they_suffice(loaded, millrace, target, weak):
    """design.md section 4, Control tables: exit 77; an administrator runs what --sql prints, and then run loads."""
    role, url = weak
    target.run("CREATE TABLE there(id int PRIMARY KEY, a text)")
    one = millrace([loaded("there"), loaded("fresh")], target={"url": url})
    found = check_of(one, expect=77)
    assert [f["check"] for f in found.of("fault")] == ["target"] and found.of("skipped", "rights")
    first = one.command("check", "--sql")
    assert first.returncode == 77 and "CREATE SCHEMA IF NOT EXISTS" in first.stdout
    target.run(first.stdout)
    found = check_of(one, expect=77)
    assert {(f["check"], f["subject"]) for f in found.of("fault")} == {
        ("rights", "public.there"), ("rights", "public.fresh")}
    second = one.command("check", "--sql").stdout
    assert f'GRANT USAGE, CREATE ON SCHEMA "public" TO {role};' in second
    assert f'GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE "public"."there" TO {role};' in second
    target.run(second)
    found = check_of(one)
    assert "may not TRUNCATE" in found.of("note", "rights")[0]["what"]
    one.load_to_end()
    assert target.count("there") == target.count("fresh") == 1


@pytest.mark.parametrize(("dlq", "rights", "note"), [
    ({}, "SELECT, INSERT, UPDATE", True),
    ({"retention": "30d"}, "SELECT, INSERT, UPDATE, DELETE", False),
    ({"to": "topic"}, "INSERT", False),
    ({"to": "topic", "retention": "30d"}, "SELECT, INSERT, UPDATE, DELETE", False),
    ({"to": "topic", "retention_new": "30d"}, "SELECT, INSERT, UPDATE, DELETE", False),
])
def test_the_rights_on_the_table_of_letters_are_those_that_are_used(dlq, rights, note, loaded, millrace, target, weak):
    """design.md section 6: the grant of just what is missing, and it suffices."""
    role, url = weak
    route = loaded("t")
    millrace([route]).load_to_end()
    one = millrace([route], name="weak", target={"url": url}, dlq=dlq)
    target.run(f"GRANT USAGE ON SCHEMA public, millrace TO {role}; GRANT ALL ON ALL TABLES IN SCHEMA public, millrace "
               f"TO {role}; REVOKE ALL ON millrace.dead_letters, millrace.tombs FROM {role}; GRANT SELECT, DELETE ON "
               f"millrace.tombs TO {role}")
    faults = check_of(one, expect=77).of("fault", "target")
    assert [fault["sql"] for fault in faults] == [f'GRANT {rights} ON "millrace".dead_letters TO {role}',
                                                  f'GRANT INSERT, UPDATE ON "millrace".tombs TO {role}']
    assert f'may not {rights} on "millrace".dead_letters' in faults[0]["what"]
    target.run(one.command("check", "--sql").stdout)
    notes = check_of(one).of("note", "target")
    assert any('may not DELETE on "millrace".dead_letters' in f["what"] for f in notes) is note


def test_a_role_without_temporary_tables_may_append_and_not_upsert(loaded, millrace, target, weak):
    """Staging tables are temporary ones, and append stages nothing."""
    role, url = weak
    name = target.url.rsplit("/", 1)[1]
    target.run(f'CREATE TABLE t(id int PRIMARY KEY, a text); ALTER TABLE t OWNER TO {role}; GRANT CREATE ON '
               f'DATABASE "{name}" TO {role}; REVOKE TEMPORARY ON DATABASE "{name}" FROM PUBLIC')
    route = loaded("t")
    fault = check_of(millrace([route], target={"url": url}), expect=77).of("fault")[0]
    assert (fault["check"], fault["sql"]) == ("rights", f"GRANT TEMPORARY ON DATABASE {name} TO {role}")
    one = millrace([{**route, "strategy": "append"}], name="append", target={"url": url})
    check_of(one)
    one.load_to_end()
    assert target.count("t") == 1


def test_only_the_owner_may_alter_and_gets_the_statement(loaded, millrace, target, weak):
    role, url = weak
    name = target.url.rsplit("/", 1)[1]
    target.run(f'CREATE TABLE t(id int PRIMARY KEY); GRANT ALL ON t TO {role}; GRANT CREATE ON DATABASE "{name}" '
               f"TO {role}")
    one = millrace([loaded("t")], target={"url": url})
    fault = check_of(one, expect=77).of("fault")[0]
    assert "does not own the table" in fault["what"] and 'ADD COLUMN IF NOT EXISTS "a" text' in fault["sql"]
    target.run(one.command("check", "--sql").stdout)
    check_of(one)


def test_a_target_that_takes_no_writes_is_a_fault(loaded, millrace, target):
    """Q-06"""
    name = target.url.rsplit("/", 1)[1]
    target.run(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    found = check_of(millrace([loaded("t")]), expect=69)
    assert "db.25006" in found.of("fault", "target")[0]["what"]
    assert "default_transaction_read_only" in found.of("fault", "target")[0]["remedy"]


def test_a_position_that_retention_overtook_is_a_fault(loaded, millrace, target, streams):
    """K-05: before run halts at it."""
    route = loaded("t")
    one = millrace([route])
    one.load_to_end()
    target.run("UPDATE millrace.positions SET next_offset = 0")
    streams.delete_records(route["topic"], 0, 1)
    fault = check_of(one, expect=69).of("fault")[0]
    assert (fault["subject"], fault["what"]) == (
        f"{route['topic']}/0", "source.gap: the position is 0, the log begins at 1")
    lax = millrace([route], name="lax", on_data_loss="continue")
    assert "on_data_loss" in check_of(lax).of("warning", "positions")[0]["what"]


def test_an_instance_at_work_is_a_note_and_its_port_a_warning(loaded, millrace, streams):
    route, port = loaded("t"), free_port()
    one = millrace([route], http={"listen": f"127.0.0.1:{port}"})
    one.start()
    await_(lambda: streams.members(one.settings["pipeline"]), 30, "it joins", one.must_run)
    found = check_of(one)
    assert "1 members are active" in found.of("note", "group")[0]["what"]
    assert "Address already in use" in found.of("warning", "http")[0]["what"]


def test_an_address_that_run_cannot_listen_on_is_a_fault_as_run_says_it(loaded, millrace):
    """design.md section 8: exit 78 of both; 192.0.2.0/24 is no machine's (RFC 5737)."""
    one = millrace([loaded("t")], http={"listen": "192.0.2.1:9464", "bearer_token": "secret"})
    fault = check_of(one, expect=78).of("fault")[0]
    assert (fault["check"], fault["what"].split(":")[0]) == ("http", "config.invalid")
    assert "Cannot assign requested address" in fault["what"]
    done = one.command("run", "--until-caught-up")
    assert done.returncode == 78 and "Cannot assign requested address" in done.stderr, done.stderr


def test_what_the_source_loses_is_a_warning(streams, schemas, topic, millrace, target):
    """T-26, U-12: docs/sources.md."""
    name = topic("t")
    streams.create(name)
    table = DebeziumTable(schemas, name, [
        ID, ("i", opt({"type": "long", "connect.name": "io.debezium.time.MicroDuration"})),
        ("f", opt({"type": "array", "items": ["null", "double"]}))], ["id"])
    streams.produce(table.delete({"id": 1}))
    found = check_of(millrace([{"topic": name, "table": "t"}]))
    assert [f["what"][:24] for f in found.of("warning", "tables")] == ["i: lost at the source: a"]
    assert "interval.handling.mode" in found.of("warning", "tables")[0]["remedy"]
    assert found.of("note", "tables")[0]["what"].startswith("f: may be lost")


def test_a_sqlite_file_is_looked_at_and_not_made(loaded, millrace, tmp_path):
    route = loaded("t")
    file = SqliteTarget(tmp_path / "t.db")
    one = millrace([route], target={"url": file.url})
    assert [f["what"] for f in check_of(one).of("ok", "target")] == ["would be made"]
    assert list(tmp_path.iterdir()) == []
    one.load_to_end()
    assert [f["what"] for f in check_of(one).of("ok", "target")] == ["can be written", "control tables are there"]
    gone = millrace([route], name="gone", target={"url": f"sqlite:{tmp_path}/absent/t.db"})
    assert check_of(gone, expect=78).of("fault", "target")[0]["what"] == "the folder does not exist"


def test_an_unusable_configuration_ends_it(millrace, loaded):
    """design.md section 8: 78, as of every command."""
    one = millrace([loaded("t")], target={"url": "nonsense:x"})
    done = one.command("check")
    assert done.returncode == 78 and "target.url" in done.stderr + done.stdout
