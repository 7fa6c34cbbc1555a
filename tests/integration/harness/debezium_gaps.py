"""What does not arrive from a real source: what its connector loses."""

from .debezium_work import CONNECTOR

KEEP = {
    "time.precision.mode": "structured", "decimal.handling.mode": "string", "interval.handling.mode": "string",
    "include.unknown.datatypes": "true", "column.propagate.source.type": ".*",
}
KINDS = ("made", "same")
MODES = {"defaults": CONNECTOR, "settings": KEEP}

# The columns of `main` that the connector does not send whole, and why; nothing at the target can mend them.
LOST = {
    "defaults": {
        "c_interval": "months and days are folded into microseconds; interval.handling.mode = string keeps them",
        "c_timetz": "the offset is folded into UTC; time.precision.mode = structured keeps it",
        "c_numeric": "NaN of a numeric without scale is sent as null; decimal.handling.mode = string keeps it",
    },
    "settings": {},
}

# The columns of `more` that are arrays of such types; the values there are ones that arrive whole.
LOST_ITEMS = {"defaults": ["c_numeric_array", "c_timetz_array"], "settings": []}
