"""Schema resolution (contract.md S-01..S-09) against fastavro: random pairs of a writer's and a reader's
schema, random values of the writer. What one resolves the other resolves to the same value, what one refuses
the other refuses. The seed is fixed, and in the message; MILLRACE_SEED has other pairs made.

Where fastavro and the contract differ by design, and what is compared instead:
  - S-02: fastavro makes a float of any number; ours refuses one that the type cannot hold (value.lossy). Such
    a refusal needs a whole number that a float does not hold; without one nothing may be lossy.
  - a default of bytes or fixed is left as the schema's text by fastavro: taken as ISO-8859-1 (S-09).
  - fastavro looks into the items of an array or map even where it is empty, ours at what was written."""

import io
import json
import os
import random
import struct
import subprocess

import fastavro
from fastavro.schema import SchemaParseException

from harness.millrace import binary

N_PAIRS, N_PAIRS_LONG, N_VALUES = 4_000, 40_000, 5
LEAVES = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]
WIDER = {"int": ["long", "float", "double"], "long": ["float", "double"], "float": ["double"],
         "string": ["bytes"], "bytes": ["string"]}
LETTERS = "abcXYZ 019_\"\\\tüß€漢🙂"
DEEPEST = 3


class Maker:
    """Writers and readers in lockstep: the reader is the writer with changes."""

    def __init__(self, chance: random.Random):
        self.chance = chance
        self.n_names = 0

    def one_in(self, n: int) -> bool:
        return self.chance.randrange(n) == 0

    def name(self, kind: str) -> str:
        self.n_names += 1
        return f"{kind}{self.n_names}"

    def pair(self, depth: int = 0):
        """(writer, reader)"""
        kind = self.chance.randrange(14 if depth < DEEPEST else 8)
        if kind < 6:
            return self.leaf()
        if kind < 7:
            return self.enum()
        if kind < 8:
            return self.fixed()
        if kind < 10:
            return self.container(depth)
        if kind < 12:
            return self.union(depth)
        return self.record(depth)

    def leaf(self):
        writer = self.chance.choice(LEAVES)
        roll = self.chance.random()
        reader = writer
        if roll < 0.3 and writer in WIDER:
            reader = self.chance.choice(WIDER[writer])
        elif roll < 0.38:
            reader = self.chance.choice(LEAVES)
        elif roll < 0.5 and writer != "null":
            reader = ["null", writer]
        return writer, reader

    def enum(self):
        symbols = self.chance.sample("ABCDEF", self.chance.randrange(1, 5))
        theirs = [s for s in symbols if not self.one_in(4)] + ["Z"]
        self.chance.shuffle(theirs)
        name = self.name("E")
        reader = {"type": "enum", "name": name, "symbols": theirs}
        if self.one_in(2):
            reader["default"] = self.chance.choice(theirs)
        return {"type": "enum", "name": name, "symbols": symbols}, reader

    def fixed(self):
        name, size = self.name("F"), self.chance.randrange(1, 9)
        reader = {"type": "fixed", "name": name, "size": size + 1 if self.one_in(6) else size}
        if self.one_in(4):
            reader.update(name=f"{name}r", **({"aliases": [name]} if self.one_in(2) else {}))
        return {"type": "fixed", "name": name, "size": size}, reader

    def container(self, depth: int):
        writer, reader = self.pair(depth + 1)
        kind, items = self.chance.choice([("array", "items"), ("map", "values")])
        return {"type": kind, items: writer}, {"type": kind, items: reader}

    def union(self, depth: int):
        """Branches of different kinds. Both of string and bytes never stand in one: which of them takes the other
        is not told by the value."""
        kinds = ["null", self.chance.choice(["int", "long"]), self.chance.choice(["float", "double"]),
                 self.chance.choice(["bytes", "string"]), "boolean"]
        writer = self.chance.sample(kinds, self.chance.randrange(1, 5))
        reader = [kind for kind in writer if not self.one_in(5)]
        if self.one_in(3):
            reader += [kind for kind in kinds if kind not in reader and not self.one_in(2)]
        self.chance.shuffle(reader)
        if self.one_in(3):
            ours, theirs = self.record(depth + 1)
            writer.append(ours)
            if not self.one_in(4):
                reader.append(theirs)
        if not reader or self.one_in(8):  # a reader that is no union
            return writer, self.chance.choice(writer if not isinstance(writer[-1], dict) else writer[:-1] or ["int"])
        return writer, reader

    def record(self, depth: int):
        name = self.name("R")
        writer = {"type": "record", "name": name, "fields": []}
        reader = {"type": "record", "name": name, "fields": []}
        for i in range(self.chance.randrange(1, 5)):
            ours, theirs = self.pair(depth + 1)
            writer["fields"].append({"name": f"f{i}", "type": ours})
            if self.one_in(6):
                continue
            field = {"name": f"f{i}", "type": theirs}
            if self.one_in(6):
                field = {"name": f"g{i}", "aliases": [f"f{i}"], "type": theirs}
            reader["fields"].append(field)
        if self.one_in(2):
            reader["fields"].append(self.added())
        self.chance.shuffle(reader["fields"])
        return writer, reader

    def added(self) -> dict:
        """A field that only the reader has; seldom without a default."""
        kinds = [("int", 7), ("long", -2 ** 40), ("string", "d€"), ("bytes", "\u00ff\u0000"), ("boolean", True),
                 ("double", 1.5), (["null", "string"], None), (["string", "null"], "first"), ("null", None),
                 ({"type": "array", "items": "long"}, [1, -2]), ({"type": "map", "values": "int"}, {"k": 3}),
                 ({"type": "fixed", "name": self.name("D"), "size": 2}, "\u00fe\u0001"),
                 ({"type": "enum", "name": self.name("D"), "symbols": ["P", "Q"]}, "Q"),
                 ({"type": "record", "name": self.name("D"), "fields": [
                     {"name": "x", "type": "int"}, {"name": "b", "type": "bytes"}]}, {"x": 5, "b": "\u00e9"})]
        kind, default = self.chance.choice(kinds)
        field = {"name": "added", "type": kind, "default": default}
        if self.one_in(8):
            del field["default"]
        return field


def value_of(chance: random.Random, schema):
    """A value of the schema, as fastavro writes it."""
    if isinstance(schema, list):
        return value_of(chance, chance.choice(schema))
    if isinstance(schema, str):
        return leaf_value(chance, schema)
    kind = schema["type"]
    if kind == "record":
        return {f["name"]: value_of(chance, f["type"]) for f in schema["fields"]}
    if kind == "enum":
        return chance.choice(schema["symbols"])
    if kind == "fixed":
        return chance.randbytes(schema["size"])
    if kind == "array":
        return [value_of(chance, schema["items"]) for _ in range(chance.choice([0, 1, 1, 3]))]
    return {f"k{i}": value_of(chance, schema["values"]) for i in range(chance.choice([0, 1, 1, 3]))}


def leaf_value(chance: random.Random, kind: str):
    bits = {"int": 31, "long": 63}.get(kind)
    if bits:
        number = chance.choice([0, 1, -1, 2 ** bits - 1, -2 ** bits, 2 ** 24, 2 ** 24 + 1, None, None, None])
        return chance.getrandbits(chance.randrange(1, bits)) * chance.choice([1, -1]) if number is None else number
    if kind == "float":
        return struct.unpack("f", struct.pack("f", chance.uniform(-1e6, 1e6)))[0]
    if kind == "double":
        return chance.choice([0.0, 0.1, -1e300, chance.uniform(-1e9, 1e9)])
    text = "".join(chance.choice(LETTERS) for _ in range(chance.choice([0, 1, 9])))
    return {"null": None, "boolean": chance.random() < 0.5, "bytes": text.encode(), "string": text}[kind]


def written(schema, value) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, value)
    return out.getvalue()


def read(data: bytes, writer, reader=None):
    source = io.BytesIO(data)
    value = fastavro.schemaless_reader(source, writer, reader)
    assert source.read() == b""
    return value


def octets(schema, value):
    """Defaults of bytes and fixed, which fastavro leaves as texts, as octets."""
    if isinstance(schema, list):
        branches = [branch for branch in schema if isinstance(branch, dict) and isinstance(value, dict)]
        return octets(branches[0], value) if branches else value
    kind = schema["type"] if isinstance(schema, dict) else schema
    if kind in ("bytes", "fixed") and isinstance(value, str):
        return value.encode("latin-1")
    if kind == "record" and isinstance(value, dict):
        return {f["name"]: octets(f["type"], value[f["name"]]) for f in schema["fields"]}
    if kind == "array" and isinstance(value, list):
        return [octets(schema["items"], item) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: octets(schema["values"], item) for key, item in value.items()}
    return value


def theirs(data: bytes, writer, reader):
    """("", value) or (what refused it, None)"""
    try:
        return "", octets(reader, read(data, writer, reader))
    except fastavro.read.SchemaResolutionError as fault:
        return f"{fault}"[:80], None


def has_empty(value) -> bool:
    if isinstance(value, (dict, list)):
        return not value or any(map(has_empty, value.values() if isinstance(value, dict) else value))
    return False


def has_inexact(value) -> bool:
    """Is there a whole number that a float does not hold?"""
    if isinstance(value, (dict, list)):
        return any(map(has_inexact, value.values() if isinstance(value, dict) else value))
    return type(value) is int and struct.unpack("f", struct.pack("f", value))[0] != value


def same(ours, wanted) -> bool:
    """fastavro takes the first branch of a reader's union that a number can become, ours the exact one (S-07)."""
    if isinstance(ours, dict) and isinstance(wanted, dict):
        return ours.keys() == wanted.keys() and all(same(ours[key], wanted[key]) for key in ours)
    if isinstance(ours, list) and isinstance(wanted, list):
        return len(ours) == len(wanted) and all(map(same, ours, wanted))
    if type(ours) is int and type(wanted) is float:
        return float(ours) == wanted
    return (type(ours) is type(wanted) or type(ours) is float) and ours == wanted


def verdict(case, answer: str) -> str:
    """What the two came to; "" where they differ."""
    writer, reader, value, data = case
    refused, wanted = theirs(data, writer, reader)
    if answer == "!value.lossy":
        return "lossy" if has_inexact(value) else ""
    if answer.startswith("!"):
        return "refused" if refused and answer == "!schema.unresolvable" else ""
    if refused:
        return "empty" if has_empty(value) else ""
    return "resolved" if same(read(bytes.fromhex(answer), reader), wanted) else ""


def made(chance: random.Random, n_pairs: int):
    cases = []
    while n_pairs > 0:
        writer, reader = Maker(chance).record(0)
        try:
            fastavro.parse_schema(writer), fastavro.parse_schema(reader)
        except SchemaParseException:
            continue
        n_pairs -= 1
        for _ in range(N_VALUES):
            value = value_of(chance, writer)
            cases.append((writer, reader, value, written(writer, value)))
    return cases


def test_20000_values_resolve_as_fastavro_resolves_them_or_are_refused_by_both(long_form):
    """S-01, S-02, S-03, S-05, S-06, S-07, S-08, S-09"""
    seed = int(os.environ.get("MILLRACE_SEED") or 20261121)
    cases = made(random.Random(seed), N_PAIRS_LONG if long_form else N_PAIRS)
    lines = "".join(f"{json.dumps(w)}\t{json.dumps(r)}\t{data.hex()}\n" for w, r, _, data in cases)
    program = binary().parent / "tests" / "mrtool_resolve"
    ran = subprocess.run([program], input=lines, capture_output=True, text=True, timeout=250, check=True)
    answers = ran.stdout.split("\n")[:-1]
    assert len(answers) == len(cases)
    counts = {"resolved": 0, "refused": 0, "lossy": 0, "empty": 0, "": 0}
    wrong = []
    for case, answer in zip(cases, answers):
        found = verdict(case, answer)
        counts[found] += 1
        if not found:
            wrong.append((*case[:3], answer, theirs(case[3], case[0], case[1])))
    print(f"seed {seed}: {counts}")
    assert not wrong, f"seed {seed}: {len(wrong)} differ, the first: {wrong[0]}"
    assert counts["resolved"] > len(cases) / 5 and counts["refused"] > len(cases) / 5, f"{counts}"
    assert counts["lossy"] > 0 and counts["empty"] < len(cases) / 20, f"{counts}"
