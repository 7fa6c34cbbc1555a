"""A letter whose parent row is missing is no reason for a replay to wait (Q-24, decisions 027 and 028)."""

import json

from harness.schemas import PlainTable, opt

DATA_ERROR = 65


# Q-24; design 6
def test_a_letter_without_its_parent_fails_again_at_once_and_lands_when_it_is_there(
        streams, schemas, topic, millrace, target):
    """However long the route's records wait."""
    name = topic("children")
    streams.create(name)
    target.run("CREATE TABLE parents (id int PRIMARY KEY)")
    target.run("CREATE TABLE children (id int PRIMARY KEY, parent int CONSTRAINT has_parent REFERENCES parents)")
    children = PlainTable(schemas, name, [("id", "int"), ("parent", opt("int"))], ["id"])
    one = millrace([{"topic": name, "table": "children", "fk_wait": "1s"}], dlq={"max_ratio": 1.0})
    streams.produce(children.put({"id": 1, "parent": 7}), children.put({"id": 2, "parent": None}))
    one.load_to_end()
    assert target.rows("children", ["id", "parent"]) == [(2, None)]

    def replay(expect: int) -> dict:
        done = one.command("dlq", "replay", "--all", "--force", "--json", "-o", "tables[0].fk_wait=1h")
        assert done.returncode == expect, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)

    def letter() -> tuple:
        return target.query("SELECT \"offset\", code, state, attempts FROM millrace.dead_letters")[0]

    assert letter() == (0, "db.23503", "new", 1)
    result = replay(DATA_ERROR)
    assert (result["replayed"], result["failed"], result["waiting"]) == (0, 1, 0)
    assert result["notes"][0]["code"] == "db.23503" and "has_parent" in result["notes"][0]["detail"]
    assert letter() == (0, "db.23503", "new", 2)
    target.run("INSERT INTO parents VALUES (7)")
    assert replay(0)["replayed"] == 1
    assert letter() == (0, "db.23503", "replayed", 2)
    assert sorted(target.rows("children", ["id", "parent"])) == [(1, 7), (2, None)]
