"""A real Debezium connector, from PostgreSQL to PostgreSQL: source and target row by row, column by column.

Two worlds: the connector's own defaults, and the settings of docs/sources.md. Each is loaded twice: into tables
that millrace makes, and into tables of the source's own types. What the connector itself does not send whole is
listed here, and the lists are exact: a column that is equal must not be on them.
"""

import dataclasses
import json

import pytest
from stack import Postgres, Unavailable

from harness import debezium_work as work
from harness import pg_types
from harness.debezium import SETTINGS, Source, column_types, columns_of, compare, multiset, put_through
from harness.debezium_gaps import KINDS, LOST, LOST_ITEMS, MODES
from harness.instances import Instances, need_program
from harness.millrace import binary
from harness.target import PgTarget
from harness.waiting import await_

pytestmark = pytest.mark.timeout(600)

LOAD_S = 120
TYPE_TABLES = {"main": pg_types.MAIN, "more": pg_types.MORE}
UNSENT = pg_types.UNKNOWN + pg_types.UNSENT
STREAMED = 1000  # added to the id of a row that came as a change, not by the snapshot


@dataclasses.dataclass
class World:
    mode: str
    source: Source
    made: PgTarget
    same: PgTarget
    loaders: dict

    def target(self, kind: str) -> PgTarget:
        return getattr(self, kind)


def routes(source: Source, kind: str) -> list[dict]:
    """One route a table."""
    found = []
    for table in [*TYPE_TABLES, "edges", *(work.TABLES if source.name == "defaults" else [])]:
        route = {"topic": source.topic(table), "table": table}
        if kind == "made" and table == "more":  # four figures are one record type: the route says which
            route["columns"] = [{"field": f"c_{name}", "cast": name} for name in ("box", "lseg", "path", "polygon")]
        found.append(route | work.route_of(table))
    if kind == "made":
        found.append({"topic": source.topic("unsent"), "table": "unsent"})
    return found


def settled(world: World, streams, kind: str) -> None:
    """Waits until this loader has each topic, to its end or to where it halts."""
    loader, target = world.loaders[kind], world.target(kind)

    def done(topic: str) -> bool:
        ends = streams.ends(topic)
        have = target.positions(topic)
        return all(have.get(p, 0) >= end for p, end in ends.items()) or bool(
            loader.events("partition_halted", topic=topic))
    for route in loader.settings["tables"]:
        topic = route["topic"]
        await_(lambda topic=topic: done(topic), LOAD_S,
               lambda topic=topic: f"{topic} loaded\n{target.positions(topic)}\n{loader.log_tail()}", loader.must_run)


@pytest.fixture(scope="module")
def source_server(run_dir):
    try:
        server = Postgres(run_dir / "source", settings=SETTINGS).start()
    except Unavailable as why:
        pytest.skip(f"PostgreSQL cannot be had here: {why}")
    yield server
    server.remove()


@pytest.fixture(scope="module")
def make_world(run_dir, kafka, registry, postgres, streams, source_server, connect, long_form):
    """make_world(mode): the source's life from its tables to its last change, loaded by both loaders."""
    need_program(binary())
    made = {}

    def make(mode: str) -> World:
        if mode not in made:
            made[mode] = None  # a life that failed is not begun again for each test
            made[mode] = build(mode)
        assert made[mode], f"the world of {mode} did not come to be: see the first test's failure"
        return made[mode]

    def build(mode: str) -> World:
        source = Source(source_server, connect, mode)
        targets = {kind: PgTarget(postgres.create_database(f"{mode}_{kind}")) for kind in ("made", "same")}
        prepare(source, targets["same"])
        snapshot(source)
        source.connect(MODES[mode])
        source.settle()
        loaders = {}
        for kind, target in targets.items():
            instances = Instances(run_dir / "tests" / f"debezium-{mode}-{kind}", kafka, registry.url, target.url)
            loaders[kind] = instances(routes(source, kind))
            loaders[kind].start()
            ends.append(instances.end)
        changes(source, 100 if long_form else 25)
        source.settle()
        world = World(mode, source, loaders=loaders, **targets)
        for kind in targets:
            settled(world, streams, kind)
        return world

    ends = []
    yield make
    for end in ends:
        end()
    for world in filter(None, made.values()):
        world.made.close()
        world.same.close()
        world.source.end()


def prepare(source: Source, same: PgTarget) -> None:
    """The source's tables, and the target's of the same types."""
    for run in (source.run, same.run):
        run(pg_types.SETUP)
        for table, columns in TYPE_TABLES.items():
            run(pg_types.ddl(table, columns))
        run(pg_types.ddl("unsent", UNSENT))
        run("CREATE TABLE edges (id int PRIMARY KEY" + "".join(
            f", e{n} {edge.type}" for n, edge in enumerate(pg_types.EDGES)) + ")")
        if source.name == "defaults":
            for statement in work.ddl(is_source=run == source.run):
                run(statement)


def type_rows(source: Source, shift: int) -> None:
    for table, columns in TYPE_TABLES.items():
        for number in range(pg_types.rows(columns)):
            source.run(pg_types.insert(table, columns, number, number + shift))
    source.run(pg_types.insert("unsent", UNSENT, 1, shift))
    for number, edge in enumerate(pg_types.EDGES):
        source.run(f"INSERT INTO edges (id, e{number}) VALUES ({number + shift}, "
                   f"{pg_types.quoted(edge.value)}::{edge.type})")


def snapshot(source: Source) -> None:
    type_rows(source, 0)
    if source.name == "defaults":
        work.Life(source).snapshot()


def changes(source: Source, rounds: int) -> None:
    type_rows(source, STREAMED)
    if source.name == "defaults":
        work.Life(source).changes(rounds)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("table", TYPE_TABLES)
def test_each_column_that_the_source_sends_whole_is_equal(make_world, mode, kind, table):
    """Design section 10, right columns of a real stream: `main` has its 69, `more` what few tables have. Contract
    T-01 to T-62 and X-08 with each type's edges, NULL among them."""
    world = make_world(mode)
    columns = TYPE_TABLES[table]
    found = compare(world.source, world.target(kind), table, columns)
    reasons = LOST[mode] if table == "main" else {}
    unequal = set(found.unequal)
    print(f"\n{mode}, {kind}, {table}: {found.columns - len(unequal)} of {found.columns} columns equal"
          + "".join(f"\n  {c}: {reasons.get(c, 'unexpected')}" for c in sorted(unequal)))
    letters = world.target(kind).letters(world.source.topic(table))
    assert not letters and not found.lost_rows and not found.extra_rows, (
        f"{found.report()} {[(x['code'], x['detail']) for x in letters[:5]]}\n{world.loaders[kind].log_tail(10)}")
    assert unequal == set(reasons), f"{sorted(unequal ^ set(reasons))}\n{found.report()}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", MODES)
def test_plan_and_check_name_the_columns_that_the_source_does_not_send_whole(make_world, mode, kind):
    """docs/sources.md: all that are lost by the connector's settings, and no other."""
    world = make_world(mode)
    done = world.loaders[kind].command("plan", "--json")
    topics = {entry["topic"]: entry for entry in json.loads(done.stdout)}

    def lost(table: str) -> set:
        notes = topics[world.source.topic(table)]["notes"]
        return {note["column"] for note in notes if note["kind"] == "lost"}
    assert lost("main") == set(LOST[mode]), done.stderr
    assert lost("more") == set(LOST_ITEMS[mode])
    checked = json.loads(world.loaders[kind].command("check", "--json").stdout)["findings"]
    warned = {f["what"].split(":")[0] for f in checked if f["check"] == "tables" and f["level"] == "warning"
              and f["subject"].startswith(world.source.topic("main") + " -> ")}
    assert warned == set(LOST[mode])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", MODES)
def test_what_the_source_spoils_is_known_value_by_value(make_world, mode, kind):
    """Nothing but these values is lost; where a value is impossible the record is put aside (P5)."""
    world = make_world(mode)
    target = world.target(kind)
    known = column_types(target.link, "edges")
    wrong = []
    for phase, shift in enumerate((0, STREAMED)):
        for number, edge in enumerate(pg_types.EDGES):
            expected = (edge.defaults if mode == "defaults" else edge.settings)[phase]
            rows = target.query(f"SELECT e{number}::text FROM edges WHERE id = {number + shift}") \
                if f"e{number}" in known else [("no column",)]
            have = rows[0][0] if rows else pg_types.REFUSED
            if not same_value(world.source, edge, have, expected):
                how = ("by the snapshot", "streamed")[phase]
                wrong.append(f"{edge.type} {edge.value} {how}: {str(have)[:99]}, not {expected}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("mode", MODES)
def test_types_that_the_connector_does_not_know_are_absent_or_their_texts_octets(make_world, mode):
    """docs/sources.md: include.unknown.datatypes sends some of them."""
    world = make_world(mode)
    known = column_types(world.made.link, "unsent")
    sent = [c.name for c in pg_types.UNKNOWN] if mode == "settings" else []
    assert known == {"id": "integer", **dict.fromkeys(sent, "bytea")}
    for name in sent:
        ours = world.source.query(f"SELECT id, {name}::text FROM unsent ORDER BY id")
        assert world.made.query(f"SELECT id, convert_from({name}, 'UTF8') FROM unsent ORDER BY id") == ours, name


def same_value(source: Source, edge: pg_types.Edge, have: str | None, expected: str | None) -> bool:
    """Equal as text, or as values of the source's type where the target has its default type."""
    if have == expected:
        return True
    if have is None or expected is None or pg_types.REFUSED in (have, expected):
        return False
    one, other = put_through(source.link, "{c}::" + edge.type, {0: have, 1: expected}).values()
    return one == other


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("table", work.TABLES)
def test_a_table_of_a_real_source_is_equal_after_all_its_changes(make_world, table, kind):
    world = make_world("defaults")
    target = world.target(kind)
    topic = world.source.topic(table)
    columns = columns_of(world.source.link, table)
    if work.TABLES[table].key:
        difference = compare(world.source, target, table, columns, work.TABLES[table].key).report()
    else:
        names = [column.name for column in columns]
        ours, theirs = (multiset(link, table, names) for link in (world.source.link, target.link))
        difference = f"source {ours - theirs}, target {theirs - ours}" if ours != theirs else ""
    state = f"letters {target.codes(topic)}, log {world.loaders[kind].events(None, topic=topic)[-3:]}"
    assert not difference and not target.codes(topic), f"{difference}\n{state}"
