"""Which fault comes when, from one seed. A schedule knows kinds, gaps in records, and a seed for each fault; nothing
of it depends on time or on what the run meets, so that a seed gives the same schedule again."""

import dataclasses
import random

from .kinds import Kind

FAULTS_A_ROUND = 5
PAIR_SHARE = 0.15       # of the faults, how many have another one happen while they last
GAP = (200, 8000)       # records loaded between a recovery and the next fault
RATES = (3000, 15000)


@dataclasses.dataclass
class Fault:
    number: int
    kind: Kind
    gap: int
    seed: str
    companion: Kind | None = None


@dataclasses.dataclass
class Round:
    number: int
    rate: int
    faults: list[Fault]


def deal(chance: random.Random, kinds: list[Kind], n: int) -> list[Kind]:
    """n kinds, each as often as any other but for one: decks, shuffled anew."""
    dealt: list[Kind] = []
    while len(dealt) < n:
        deck = list(kinds)
        chance.shuffle(deck)
        dealt += deck
    return dealt[:n]


def plan(seed: int, name: str, kinds: list[Kind], n_faults: int, rates=RATES) -> list[Round]:
    """Rounds of faults until there are n_faults of them, companions included."""
    chance = random.Random(f"{seed}/{name}")
    rounds: list[Round] = []
    dealt, made = iter(deal(chance, kinds, n_faults)), 0
    while made < n_faults:
        faults = []
        while len(faults) < FAULTS_A_ROUND and made < n_faults:
            number = made + 1
            fault = Fault(number, next(dealt), chance.randint(*GAP), f"{seed}/{name}/{number}")
            fitting = [kind for kind in kinds if kind.goes_with(fault.kind)]
            if fitting and chance.random() < PAIR_SHARE and made + 2 <= n_faults:
                fault.companion = chance.choice(fitting)
                made += 1
            faults.append(fault)
            made += 1
        rounds.append(Round(len(rounds) + 1, chance.randint(*rates), faults))
    return rounds


def shown(rounds: list[Round]) -> list[str]:
    """The schedule as text, for --plan and for comparison."""
    out = []
    for one in rounds:
        out.append(f"round {one.number} at {one.rate} records/s")
        for fault in one.faults:
            more = f" with {fault.companion.name}" if fault.companion else ""
            out.append(f"  {fault.number:4} after {fault.gap:5} records: {fault.kind.name}{more}")
    return out
