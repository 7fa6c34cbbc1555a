"""What an operator sees: /metrics, /healthz, /readyz, /status, the dashboard, `lag`, the log."""

import json
import re

import pytest

from harness.schemas import PlainTable, Record, opt
from harness.waiting import await_

COLUMNS = [("id", "int"), ("a", opt("string"))]
N_GOOD, N_BAD = 40, 2


@pytest.fixture
def table(streams, schemas, topic):
    streams.create(topic("orders"), partitions=2)
    return PlainTable(schemas, topic("orders"), COLUMNS, ["id"])


@pytest.fixture
def loaded(table, streams, millrace, target):
    """A running instance that has loaded 40 good records and put two aside."""
    good = [table.put({"id": i, "a": "x"}) for i in range(N_GOOD)]
    bad = [Record(table.topic, b"k", b"\x07junk", partition=1) for _ in range(N_BAD)]
    streams.produce(*good, *bad)
    one = millrace([{"topic": table.topic, "table": "orders"}]).start()
    target.await_loaded(streams, table.topic, alive=one.must_run)
    return one


def test_metrics_have_the_names_that_dashboards_know(loaded, table, streams):
    """Design 9: every name, and nothing that is not Prometheus text."""
    def caught_up():
        lag = loaded.metrics().value("kafka_consumergroup_group_lag", topic=table.topic)
        return lag == 0
    await_(caught_up, 20, lambda: f"lag 0\n{loaded.metrics().text[-3000:]}", loaded.must_run)
    metrics = loaded.metrics()
    assert metrics.strange == []
    wanted = {
        "kafka_consumergroup_group_lag", "kafka_consumergroup_group_lag_seconds",
        "kafka_consumergroup_group_offset", "kafka_partition_latest_offset", "millrace_records_total",
        "millrace_rows_written_total", "millrace_bytes_consumed_total", "millrace_flush_duration_seconds_bucket",
        "millrace_flush_duration_seconds_sum", "millrace_flush_duration_seconds_count",
        "millrace_freshness_seconds_count", "millrace_dead_letters_total", "millrace_partition_state",
        "millrace_pool_connections", "millrace_build_info"}
    assert not wanted - metrics.names(), f"missing {sorted(wanted - metrics.names())}"
    named = {"millrace_errors_total", "millrace_retries_total"}  # families may be empty as long as nothing failed
    assert not named - metrics.types.keys() - metrics.names(), metrics.types
    ends = streams.ends(table.topic)
    for p, end in ends.items():
        labels = {"group": loaded.group, "topic": table.topic, "partition": p}
        assert metrics.value("kafka_consumergroup_group_offset", **labels) == end
        assert metrics.value("kafka_consumergroup_group_lag", **labels) == 0
        assert metrics.value("kafka_partition_latest_offset", topic=table.topic, partition=p) == end


def test_metrics_count_what_was_done(loaded, table):
    """Design 9: records, rows and dead letters, by their labels."""
    metrics = loaded.metrics()
    assert metrics.value("millrace_records_total", topic=table.topic) == N_GOOD + N_BAD
    rows = sum(v for n, labels, v in metrics.samples
               if n == "millrace_rows_written_total" and labels["table"].endswith("orders"))
    assert rows == N_GOOD
    assert metrics.value("millrace_dead_letters_total", topic=table.topic) == N_BAD
    assert metrics.value("millrace_dead_letters_total", topic=table.topic, reason="framing.unknown_magic") == N_BAD
    assert metrics.value("millrace_flush_duration_seconds_count") >= 1
    assert metrics.value("millrace_bytes_consumed_total") > 0


def test_every_metric_family_has_its_type_and_help(loaded):
    metrics = loaded.metrics()
    for name in metrics.names():
        family = re.sub(r"_(bucket|sum|count)$", "", name)
        if not name.startswith(("millrace_", "kafka_")):
            continue
        assert name in metrics.types or family in metrics.types, f"{name} has no TYPE"
        assert f"# HELP {name} " in metrics.text or f"# HELP {family} " in metrics.text, f"{name} has no HELP"


def test_lag_counts_what_waits_while_a_table_is_locked(loaded, table, streams, target):
    """Design 9: lag rises while a flush cannot go on, and falls to 0 again."""
    with target.connect() as holder:
        holder.execute("LOCK TABLE orders IN EXCLUSIVE MODE")
        records = [table.put({"id": 1000 + i, "a": "late"}) for i in range(30)]
        streams.produce(*records)

        def lag():
            return loaded.metrics().value("kafka_consumergroup_group_lag", topic=table.topic)
        await_(lambda: lag() == 30, 20, lambda: f"lag 30, is {lag()}", loaded.must_run)
        holder.rollback()
    await_(lambda: lag() == 0, 30, lambda: f"lag 0, is {lag()}", loaded.must_run)


def test_health_and_readiness_answer(loaded):
    """Design 9: /readyz lists each check."""
    assert loaded.answers("/healthz")
    ready = loaded.get("/readyz")
    assert ready.status_code == 200 and len(ready.text) > 2


def test_readiness_fails_while_the_target_is_away_and_health_does_not(loaded, postgres):
    """Design 6 and 9: /readyz says why; /healthz fails only if the process is wedged."""
    postgres.stop()
    try:
        await_(lambda: loaded.answers("/readyz", 503), 40, lambda: f"not ready\n{loaded.log_tail()}", loaded.must_run)
        assert "target" in loaded.get("/readyz").text
        assert loaded.answers("/healthz")
    finally:
        postgres.start()
    await_(lambda: loaded.answers("/readyz"), 60, lambda: f"ready again\n{loaded.log_tail()}", loaded.must_run)


def test_status_is_json_and_names_partitions_and_errors(loaded, table):
    """Design 6: the last of each error, where, since when, what to do."""
    text = json.dumps(loaded.status())
    assert table.topic in text and loaded.pipeline in text and "framing.unknown_magic" in text


# The dashboard at / comes later: later.txt.
def test_the_root_names_the_pages_that_there_are(loaded):
    page = loaded.get("/")
    assert page.status_code == 200
    for path in ("/status", "/metrics", "/readyz", "/healthz"):
        assert path in page.text and loaded.answers(path)


def test_an_unknown_path_is_404(loaded):
    assert loaded.answers("/nothing/here", 404)


def partitions_of(answer) -> list[dict]:
    """The list of partitions in `lag --json`, at the top or one level below."""
    if isinstance(answer, list):
        return answer
    return next(v for v in answer.values() if isinstance(v, list))


def test_lag_tells_position_end_and_difference(loaded, table, streams):
    """Design 8: committed, position, end, lag for each partition, as JSON and as text."""
    done = loaded.command("lag", "--json")
    assert done.returncode == 0, done.stderr
    mine = {p["partition"]: p for p in partitions_of(json.loads(done.stdout)) if p["topic"] == table.topic}
    ends = streams.ends(table.topic)
    assert set(mine) == set(ends)
    for number, end in ends.items():
        one = mine[number]
        assert (one["position"], one["end"], one["lag"]) == (end, end, 0), one
        assert "committed" in one
    shown = loaded.command("lag")
    assert shown.returncode == 0 and table.topic in shown.stdout


def test_lag_works_while_nothing_runs(table, streams, millrace, target):
    """Design 8: it asks Kafka and the target, not the instance."""
    streams.produce(*(table.put({"id": i, "a": "x"}) for i in range(10)))
    one = millrace([{"topic": table.topic, "table": "orders"}])
    one.load_to_end()
    streams.produce(*(table.put({"id": i, "a": "y"}) for i in range(5)))
    done = one.command("lag", "--json")
    assert done.returncode == 0, done.stderr
    found = [p["lag"] for p in partitions_of(json.loads(done.stdout)) if p["topic"] == table.topic]
    assert sum(found) == 5


def test_log_lines_are_events_with_keys_and_no_record_content(loaded):
    """Style 10: one event a line; never record contents, never secrets."""
    lines = [line for line in loaded.log_text().splitlines() if line.strip()]
    assert lines and all("event=" in line and "level=" in line for line in lines), lines[:5]
    assert "junk" not in loaded.log_text()


def test_the_log_can_be_json(table, streams, millrace):
    """Design 7: log.format = json."""
    streams.produce(table.put({"id": 1, "a": "x"}))
    one = millrace([{"topic": table.topic, "table": "orders"}], log={"format": "json", "level": "info"})
    one.load_to_end()
    lines = [json.loads(line) for line in one.log_text().splitlines() if line.strip()]
    assert lines and all("event" in line and "level" in line for line in lines)


def test_the_same_error_a_thousand_times_is_not_a_thousand_lines(table, streams, millrace, target):
    """Design 6, style 10: aggregated and rate-limited."""
    records = [table.put({"id": i, "a": "x"}) for i in range(1000)]
    for record in records[::25]:
        record.value = record.value + b"\x00"
    streams.produce(*records)
    # each lane has a part of them: more of one than the default allows is no flood here
    one = millrace([{"topic": table.topic, "table": "orders"}], dlq={"max_ratio": 0.5})
    one.load_to_end()
    assert len(target.letters(table.topic)) == 40
    assert len(one.events(None, err="avro.trailing")) <= 5
