"""`millrace resume`: a route that its breaker halted goes on, told by a command to the running instance."""

import json

import pytest
import requests

from harness.schemas import PlainTable, Record, opt
from harness.waiting import await_

N, FREE = 300, 16
BAD = range(4, N, 5)


@pytest.fixture
def table(streams, schemas, topic):
    streams.create(topic("orders"))
    return PlainTable(schemas, topic("orders"), [("id", "int"), ("a", opt("string"))], ["id"])


def flood(table, streams):
    streams.produce(*(Record(table.topic, b"k", b"\x07junk") if i in BAD else table.put({"id": i, "a": "x"})
                      for i in range(N)))


def breaker(one) -> dict:
    return one.status()["routes"][0]["breaker"]


def halted_at(one, table, target, n_letters):
    """Waits until the breaker is open with so many letters written."""
    await_(lambda: len(target.letters(table.topic)) == n_letters and breaker(one)["open"], 30,
           lambda: f"{n_letters} letters and open: {breaker(one)}\n{one.log_tail()}", one.must_run)


# design.md section 6 and 8; poison.flood
def test_a_flood_halts_the_route_and_a_resume_goes_on_with_what_is_accepted(table, streams, millrace, target):
    flood(table, streams)
    one = millrace([{"topic": table.topic, "table": "orders"}])
    one.start()
    await_(lambda: one.answers("/status"), 30, lambda: one.log_tail(), one.must_run)
    halted_at(one, table, target, FREE)
    state = breaker(one)
    assert state["bad"] == FREE and state["bad_limit"] == FREE and state["open_since"]
    assert f"millrace resume '{table.topic}'" in state["what_to_do"]

    done = one.command("resume", table.topic)
    assert done.returncode == 0 and "1 halted partitions" in done.stdout, done.stderr + done.stdout
    halted_at(one, table, target, 2 * FREE)

    done = one.command("resume", table.topic, "--accept", str(N), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["breaker_was_open"] is True
    target.await_loaded(streams, table.topic, alive=one.must_run)
    assert [letter["offset"] for letter in target.letters(table.topic)] == list(BAD)
    assert target.count("orders") == N - len(BAD)
    assert not breaker(one)["open"] and one.status()["tables"][0]["halted"] is None


def test_a_route_that_there_is_not_is_told_with_those_that_there_are(table, millrace):
    one = millrace([{"topic": table.topic, "table": "orders"}]).start()
    await_(lambda: one.answers("/status"), 30, lambda: one.log_tail(), one.must_run)
    done = one.command("resume", "nothing")
    assert done.returncode == 64 and table.topic in done.stderr, done.stderr
    one.stop()
    done = one.command("resume", table.topic)
    assert done.returncode == 69 and "instance.away" in done.stderr, done.stderr


def test_a_resume_carries_the_bearer_token(table, streams, millrace, target):
    """And what carries none, or the one but not the header, changes nothing."""
    flood(table, streams)
    one = millrace([{"topic": table.topic, "table": "orders"}], http={"bearer_token": "s3cret"}).start()
    await_(lambda: len(target.letters(table.topic)) == FREE, 30, lambda: one.log_tail(), one.must_run)
    url = f"http://127.0.0.1:{one.http_port}/resume"
    question = {"route": table.topic, "accept": N}
    known = {"Authorization": "Bearer s3cret"}
    for headers, status in (({}, 401), ({"X-Millrace-Command": "1"}, 401), (known, 403)):
        assert requests.post(url, json=question, headers=headers, timeout=10).status_code == status
    other = one.command("resume", table.topic, "-o", "http.bearer_token=wrong")
    assert other.returncode == 78 and "http.bearer_token" in other.stderr and "wrong" not in other.stderr
    done = one.command("resume", table.topic, "--accept", str(N))
    assert done.returncode == 0, done.stderr
    target.await_loaded(streams, table.topic, alive=one.must_run)
    assert len(target.letters(table.topic)) == len(BAD)
