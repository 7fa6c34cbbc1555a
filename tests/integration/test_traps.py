"""Contract section 9, traps seen in other products: the stream that breaks them, and our outcome.

One process loads the scenarios of harness/cases_traps.py; below stand those that need a process of
their own, and G-04, which is about a second load of the same records. P-31 is a component test
(tests/component/sink_positions_test.c).
"""

import pytest

from harness.cases_traps import TRAPS
from harness.schemas import DebeziumTable, PlainTable, opt
from harness.waiting import await_
from harness.workload import NAMES, Workload
from harness.world import settled

COLUMNS = [("id", "int"), ("a", opt("string"))]


@pytest.fixture(scope="module")
def world(run_dir, kafka, postgres, streams):
    with settled("traps", TRAPS, run_dir, (kafka, postgres), streams) as whole:
        yield whole


@pytest.mark.timeout(300)  # the first one waits for the whole world
@pytest.mark.parametrize("number", sorted(TRAPS), ids=lambda n: TRAPS[n][0])
def test_trap(world, number):
    """Contract section 9: rows, dead letters and position after what breaks another product."""
    world.check(number)


def test_the_process_outlives_every_trap(world):
    """G-06."""
    assert not world.death and world.loader.is_running(), world.death


def test_p_16_a_name_that_is_too_long_means_one_table_after_a_restart_too(streams, schemas, topic, millrace, target):
    """P-16, I-03; case 143: 70 bytes are cut by us, always to the same 63."""
    name = topic()
    long = "t" * 70
    streams.create(name)
    table = PlainTable(schemas, name, COLUMNS, ["id"])
    one = millrace([{"topic": name, "table": long}])
    for i in range(2):
        streams.produce(table.put({"id": i, "a": "x"}))
        one.load_to_end()
    found = [t for t, in target.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    assert len(found) == 1 and len(found[0]) == 63 and found[0] != long[:63]
    assert target.count(found[0]) == 2


def test_p_21_two_instances_that_meet_a_new_table_and_a_new_field_at_once_both_go_on(streams, schemas, topic,
                                                                                  millrace, target):
    """P-21, V-11, V-12; case 146: neither dies nor halts, and no row is missing."""
    name = topic()
    streams.create(name, partitions=2)
    old = PlainTable(schemas, name, COLUMNS, ["id"])
    pair = [millrace([{"topic": name, "table": "t"}], name=f"instance_{i}").start() for i in range(2)]
    try:
        await_(lambda: len(streams.members(pair[0].group)) == 2
               and all(n == 1 for n in streams.members(pair[0].group).values()), 60, "a partition for each instance")
        columns = [*COLUMNS]
        for step in range(4):
            if step > 0:
                columns.append((f"new_{step}", opt("int")))
            table = old if step == 0 else PlainTable(schemas, name, columns, ["id"])
            rows = [{"id": 100 * step + i, "a": "x", **{c: i for c, _ in columns[2:]}} for i in range(10)]
            streams.produce(*(in_partition(table.put(one), one["id"] % 2) for one in rows))
            target.await_loaded(streams, name, 60, pair[0].must_run)
        for one in pair:
            one.must_run()
            assert one.get("/readyz").status_code == 200
    finally:
        for one in pair:
            one.kill()
    assert target.letters(name) == []
    assert target.query("SELECT count(*), count(new_1), count(new_2), count(new_3) FROM t") == [(40, 30, 20, 10)]


def in_partition(record, partition: int):
    record.partition = partition
    return record


def test_p_32_an_offset_that_the_group_has_from_before_is_not_where_a_run_begins(streams, schemas, topic, millrace,
                                                                             target):
    """P-32, G-02: an older committed offset, and one that is too new, load nothing twice and skip nothing."""
    name = topic()
    streams.create(name)
    table = DebeziumTable(schemas, name, COLUMNS, ())
    one = millrace([{"topic": name, "table": "t"}])
    for n, wrong in enumerate([None, 1, 0, 5], 1):
        streams.produce(table.create({"id": n, "a": "x"}))
        if wrong is not None:
            streams.commit(one.group, name, {0: min(wrong, n)})
        one.load_to_end()
        assert sorted(i for i, in target.query("SELECT id FROM t")) == list(range(1, n + 1))
        assert target.positions(name) == {0: n}


def test_g_04_any_suffix_of_a_partition_loaded_again_gives_the_same_rows(streams, schemas, topic, millrace, target):
    """G-04: an operator sets positions back by SQL; deletes and key changes are in the suffix."""
    name = topic()
    streams.create(name)
    work = Workload(schemas, name, n_keys=40)
    for _ in range(2):
        work.run(streams, 300)
        for key, in list(work.model.rows)[:5]:
            moved = {**work.row(key), "id": key + 1000}
            streams.send(*work.table.key_change({"id": key, "seq": 0, "name": None, "amount": None}, moved),
                         model=work.model)
    streams.flush()
    one = millrace([{"topic": name, "table": "t"}])
    one.load_to_end()
    end = streams.ends(name)
    whole = target.rows("t", NAMES)
    work.model.check(whole)
    for offset in (0, 1, 137, 300, end[0] - 1):
        target.run("UPDATE millrace.positions SET next_offset = %s WHERE topic = %s", offset, name)
        one.load_to_end()
        assert target.positions(name) == end and target.letters(name) == []
        assert sorted(target.rows("t", NAMES)) == sorted(whole), f"the suffix from {offset}"
