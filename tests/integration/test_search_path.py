"""Our own statements inside a flush run under the role's search_path (docs/decisions/033): nothing on it may stand in
for what they mean (docs/contract.md I-12; CVE-2018-1058). Decoys under the names they could use raise when called."""

import pytest

from harness.schemas import DebeziumTable, opt

P = "__debezium_unavailable_value"
MOODS = {"type": "array", "items": "string"}
COLUMNS = [("id", "int"), ("a", opt("string")), ("mood", opt("string")), ("moods", opt(MOODS)),
           ("numbers", opt({"type": "array", "items": "int"}))]
TABLE = "(id int {}, a varchar, mood public.mood, moods public.mood[], numbers int4[])"

# Operators of pairs that pg_catalog has no exact one for, and of those that it has.
DECOYS = """
DO $do$
DECLARE
    arrays text[] := '{int4[],int8[],text[],oid[],bytea[],bool[],public.mood[]}';
    mixed text[] := '{int2,int4,int8,numeric,oid,regclass,text,varchar,name}';
    plain text[] := '{bytea,timestamptz,interval,tid,xid,public.mood,"\\"char\\""}';
    x text; y text; o text; f record;
BEGIN
    FOREACH x IN ARRAY mixed || plain || arrays LOOP
        FOREACH y IN ARRAY mixed || plain || arrays LOOP
            CONTINUE WHEN x <> y AND NOT (ARRAY[x, y] <@ mixed OR x = 'timestamptz' AND y = 'interval');
            EXECUTE format('CREATE FUNCTION audit.decoy(%s, %s) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN '
                           'RAISE EXCEPTION ''a decoy ran''; END $$', x, y);
            FOREACH o IN ARRAY '{=,<>,<,<=,>,>=,+,-,*,/,#}'::text[] LOOP
                EXECUTE format('CREATE OPERATOR audit.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = audit.decoy)',
                               o, x, y);
            END LOOP;
        END LOOP;
    END LOOP;
    FOREACH x IN ARRAY arrays LOOP
        EXECUTE format('CREATE FUNCTION audit.unnest(%s) RETURNS SETOF bool LANGUAGE plpgsql AS $$ BEGIN '
                       'RAISE EXCEPTION ''a decoy ran''; END $$', x);
    END LOOP;
    FOR f IN SELECT proname, pg_get_function_identity_arguments(oid) AS args FROM pg_proc
             WHERE pronamespace = 'pg_catalog'::regnamespace AND proname IN ('encode', 'now', 'clock_timestamp',
                   'to_timestamp', 'hashtextextended', 'pg_advisory_xact_lock', 'int8send', 'bpcharsend') LOOP
        EXECUTE format('CREATE FUNCTION audit.%I(%s) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN '
                       'RAISE EXCEPTION ''a decoy ran''; END $$', f.proname, f.args);
    END LOOP;
    FOREACH x IN ARRAY '{text,int2,int4,int8,numeric,bytea,bool,oid,jsonb,regclass}'::text[] LOOP
        EXECUTE format('CREATE DOMAIN audit.%I AS pg_catalog.%I CHECK (false)', x, x);
    END LOOP;
END $do$
"""


def row(number, a="x", mood="glad", moods=("glad", "sad"), numbers=(1, 2)):
    return {"id": number, "a": a, "mood": mood, "moods": None if moods is None else list(moods),
            "numbers": list(numbers)}


@pytest.fixture
def decoys(target):
    """Tables with triggers that name theirs without a schema, and a schema that has those and the decoys."""
    for statement in ("CREATE SCHEMA audit", "CREATE TYPE public.mood AS ENUM ('glad', 'sad')",
                      "CREATE TABLE audit.changes(what text, id int, op text)", DECOYS):
        target.run(statement)
    target.run("""CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF TG_OP OPERATOR(pg_catalog.=) 'INSERT' AND NEW.a OPERATOR(pg_catalog.=) TG_ARGV[0] THEN
            RAISE EXCEPTION 'not this one';
        END IF;
        INSERT INTO changes VALUES (TG_TABLE_NAME, COALESCE(NEW.id, OLD.id), TG_OP); RETURN NULL; END $$""")
    for name, key in (("guarded", "PRIMARY KEY"), ("kept", "PRIMARY KEY"), ("facts", "")):
        target.run(f"CREATE TABLE public.{name}{TABLE.format(key)}")
        target.run(f"CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON public.{name} "
                   "FOR EACH ROW EXECUTE FUNCTION public.note('bad')")
    target.run("CREATE CONSTRAINT TRIGGER later AFTER INSERT ON public.kept DEFERRABLE INITIALLY DEFERRED "
               "FOR EACH ROW EXECUTE FUNCTION public.note('late')")


@pytest.fixture
def tables(streams, schemas, topic):
    """name -> its Debezium table; facts has no key."""
    made = {}
    for name, key in (("guarded", ["id"]), ("kept", ["id"]), ("facts", [])):
        streams.create(topic(name), partitions=1)
        made[name] = DebeziumTable(schemas, topic(name), COLUMNS, key)
    return made


def whole_delete(table, gone):
    """REPLICA IDENTITY FULL."""
    return table.record("d", gone, table.envelope("d", gone, None))


@pytest.mark.parametrize("path", ["audit,public", "audit,public,pg_catalog"])
@pytest.mark.usefixtures("decoys")
def test_nothing_on_the_path_stands_in_for_what_a_flush_names(path, tables, streams, millrace, target):
    """I-12: with guards, tombs, enums and arrays, rows without a key, letters, positions and deferred triggers; with
    built-in names first, and with the role's own choice to have them last."""
    guarded, kept, facts = tables["guarded"], tables["kept"], tables["facts"]
    routes = [{"topic": guarded.topic, "table": "guarded", "guard": "lsn"}, {"topic": kept.topic, "table": "kept"},
              {"topic": facts.topic, "table": "facts", "keyless": "match_full"}]
    one = millrace(routes, target={"url": f"{target.url}?options=-csearch_path%3D{path.replace(',', '%2C')}"})
    twins = row(1, moods=None, numbers=()), row(1, moods=None, numbers=()), row(2, mood=None)
    streams.produce(*(guarded.create(row(i, "bad" if i == 3 else "x")) for i in range(5)),
                    *(kept.create(row(i, "late" if i == 3 else "x")) for i in range(5)),
                    *(facts.create(fact) for fact in twins))
    one.load_to_end()
    streams.produce(guarded.update(row(1, "y", "sad", ("sad",))), guarded.delete(row(2)),
                    *kept.key_change(row(1), row(11, P)), kept.update(row(2, P, "sad")), kept.delete(row(4)),
                    whole_delete(facts, twins[0]), whole_delete(facts, twins[2]))
    one.load_to_end()
    streams.produce(guarded.truncate(), guarded.create(row(7)), facts.truncate())
    one.load_to_end()
    assert target.codes(guarded.topic) == [(3, "db.P0001")]
    assert target.codes(kept.topic) == [(3, "db.P0001")]
    assert target.letters(facts.topic) == []
    assert target.query("SELECT detail FROM millrace.dead_letters WHERE detail LIKE '%decoy%'") == []
    assert target.query("SELECT id, a, mood::text FROM kept ORDER BY id") == [
        (0, "x", "glad"), (2, "x", "sad"), (11, "x", "glad")]
    assert target.query("SELECT id, moods::text, numbers FROM guarded ORDER BY id") == [(7, "{glad,sad}", [1, 2])]
    assert target.count("facts") == 0
    for table in tables.values():
        assert target.positions(table.topic) == streams.ends(table.topic)
    deletes = target.query("SELECT what, id FROM audit.changes WHERE op = 'DELETE' AND what = 'facts' ORDER BY id")
    assert deletes == [("facts", 1), ("facts", 2)]
