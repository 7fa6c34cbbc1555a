"""The table of faults. A kind is a function (world, dice) that does the harm, holds it, and takes it back; when it
returns, nothing stands in the way any more. Numbers come from `dice` alone, so that a seed repeats them."""

import dataclasses
import typing


@dataclasses.dataclass
class Kind:
    """short: also in the short form. sqlite: also with the embedded target. instant: may also happen while another
    fault lasts. needs: the part of the servers without which it is left out (`toxics`, `disk`). stops, asks: the server
    that does not answer while it lasts, and the one that it asks: such two never happen together."""

    name: str
    run: typing.Callable
    short: bool = False
    sqlite: bool = False
    instant: bool = False
    postgres: bool = True
    needs: str | None = None
    stops: str | None = None
    asks: str | None = None

    def goes_with(self, other: "Kind") -> bool:
        """This one may happen while the other lasts."""
        return self.instant and (self.asks is None or self.asks != other.stops)

    @property
    def about(self) -> str:
        return " ".join(self.run.__doc__.split())


KINDS: dict[str, Kind] = {}


def kind(name: str, **more):
    def keep(run):
        assert name not in KINDS and run.__doc__, name
        KINDS[name] = Kind(name, run, **more)
        return run
    return keep


def kinds_for(target: str, long_form: bool, servers=None) -> list[Kind]:
    """The kinds of one target and form, without those for which something is missing here."""
    found = [k for k in KINDS.values() if (k.postgres if target == "postgres" else k.sqlite) and (long_form or k.short)]
    return [k for k in found if servers is None or k.needs is None or getattr(servers, k.needs) is not None]
