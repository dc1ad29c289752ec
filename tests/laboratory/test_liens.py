"""Liens: one life by hand, random walks of two chains, a seeded run, latency haircuts, and what is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from plimsoll.documents import DocumentError
from plimsoll.laboratory.liens.chain import KEPT, Chain, Transaction
from plimsoll.laboratory.liens.haircuts import latency_haircut, valued, waits
from plimsoll.laboratory.liens.network import ChainTerms, LienNetwork, sample_network
from plimsoll.laboratory.liens.simulate import simulate
from plimsoll.laboratory.liens.venue import Command, Terms, Venue
from plimsoll.laboratory.liens.watcher import Fact, Watcher
from plimsoll.laboratory.liens.world import Payload, World

KEY = ("c", 1)
TERMS = Terms(guard=10, window=20, deadline=30, retry=5, advance=500)


def world(confirmations: int = 2) -> World:
    return World({"c": Chain.of({"o": 100})}, {"c": Watcher("c", confirmations)}, Venue(TERMS))


def pass_on(w: World) -> list[Payload]:
    """Deliver all that is due, and the answers, at once."""
    sent = w.due()
    for payload in sent:
        answer = w.deliver(payload)
        if answer is not None:
            w.deliver(answer)
    return sent


def locked(w: World, expiry: int = 1_000) -> None:
    w.submit("c", Transaction("lock", 1, "o", 60, expiry))
    w.mine("c")
    pass_on(w)


def lent(units: int) -> World:
    """A lock that has its confirmations, with so many units lent on it."""
    w = world()
    locked(w)
    w.mine("c")
    pass_on(w)
    w.venue.draw(KEY, units, 0)
    return w


def test_a_life_by_hand() -> None:
    w = world()
    locked(w)
    venue, chain = w.venue, w.chains["c"]
    assert (venue.liens[KEY].state, venue.counts(KEY, 0), chain.locked, chain.free["o"]) == ("attested", 0, 60, 40)
    w.mine("c")
    pass_on(w)
    assert (venue.liens[KEY].state, venue.counts(KEY, 0), venue.room(KEY, 0)) == ("active", 60, 30)
    venue.draw(KEY, 25, 0)
    venue.repay(KEY, 5)
    w.now = 50
    venue.seize(KEY, 50)
    assert venue.counts(KEY, 50) == 0
    assert pass_on(w) == [Command("c", 1, "seize", 20)]
    w.mine("c")
    assert (chain.vault, chain.free["o"], chain.locked) == (20, 80, 0)
    # paid, but in one block only
    assert pass_on(w) == []
    assert venue.liens[KEY].state == "seizing"
    w.mine("c")
    pass_on(w)
    assert venue.liens[KEY].state == "seized"
    assert venue.totals() == {"lent": 25, "repaid": 5, "owed": 0, "recovered": 20, "liability": 0}
    assert w.broken() == []


def test_a_seizure_that_is_late_is_a_loss_until_it_comes() -> None:
    w = lent(30)
    # the venue seizes by itself the guard and the window before the expiry
    w.now = 969
    assert w.due() == []
    w.now = 970
    lost = w.due()
    assert [type(x) for x in lost] == [Command]
    w.now = 999
    w.due()
    assert w.venue.totals()["liability"] == 0
    w.now = 1_000
    assert w.due() == []
    assert w.venue.totals()["liability"] == 30
    # it still goes out every five seconds
    w.now = 1_004
    again = w.due()
    assert w.venue.late == 1
    assert again == [Command("c", 1, "seize", 30)]
    # the lock is still there: a command that arrives in the end makes the loss good, twice makes it no better
    for command in again * 2:
        w.deliver(command)
    w.mine("c")
    w.mine("c")
    pass_on(w)
    assert w.venue.totals() == {"lent": 30, "repaid": 0, "owed": 0, "recovered": 30, "liability": 0}
    assert w.chains["c"].vault == 30


def test_an_owner_who_takes_the_lock_at_its_expiry() -> None:
    w = lent(30)
    w.submit("c", Transaction("withdraw", 1))
    w.now = 999
    w.mine("c")
    assert w.chains["c"].locked == 60
    w.now = 1_000
    w.submit("c", Transaction("withdraw", 1))
    w.mine("c")
    pass_on(w)
    assert w.venue.liens[KEY].state == "lost"
    assert w.venue.totals()["liability"] == 30


def test_a_reorganisation_as_deep_as_the_confirmations() -> None:
    w = lent(30)
    undone = w.reorganise("c", 2)
    assert [tx.kind for tx in undone] == ["lock"]
    # nobody has told the venue yet: the lien counts, and the world knows that it should not
    assert (w.venue.counts(KEY, 0), w.chains["c"].locked, w.unbacked, w.broken()) == (60, 0, {KEY}, [])
    pass_on(w)
    assert w.venue.counts(KEY, 0) == 0
    assert w.venue.totals()["liability"] == 30
    # the lock comes back and is taken for what was lent on it
    w.submit("c", undone[0])
    for _ in range(4):
        w.mine("c")
        w.now += 5
        pass_on(w)
    assert w.venue.liens[KEY].state == "seized"
    assert w.venue.totals()["liability"] == 0


def test_a_lock_that_moves_to_another_block_is_not_sure_before_that_is() -> None:
    w = lent(10)
    w.reorganise("c", 2, kept=[0])
    assert w.chains["c"].locked == 60
    pass_on(w)
    lien = w.venue.liens[KEY]
    assert (lien.state, lien.drawn, w.venue.counts(KEY, 0), lien.liability) == ("attested", 10, 0, 0)
    w.mine("c")
    pass_on(w)
    assert (w.venue.counts(KEY, 0), w.unbacked) == (60, set())


def test_messages_in_any_order_and_twice() -> None:
    facts = [
        Fact("c", 1, 1, "open", False, "o", 60, 1_000),
        Fact("c", 1, 2, "open", True, "o", 60, 1_000),
        Fact("c", 1, 3, "none", False),
    ]
    for order in ([0, 1, 2], [2, 1, 0, 2], [1, 2, 0, 1, 1], [2, 0, 1]):
        venue = Venue(TERMS)
        for k in order:
            assert venue.hear(facts[k], 0).number == facts[k].number
        assert (venue.liens[KEY].state, venue.counts(KEY, 0)) == ("undone", 0)


class TwoChains(RuleBasedStateMachine):
    """Anything in any order on two chains whose reorganisations may be deep."""

    def __init__(self) -> None:
        super().__init__()
        names = {"a": 1, "b": 3}
        self.world = World(
            {n: Chain.of({"o": 50, "p": 50}) for n in names}, {n: Watcher(n, k) for n, k in names.items()}, Venue(TERMS)
        )
        self.flying: list[Payload] = []
        self.locks = 0

    def step(self) -> None:
        self.flying += self.world.due()

    @rule(chain=st.sampled_from("ab"), owner=st.sampled_from("op"), units=st.integers(1, 60), life=st.integers(20, 90))
    def lock(self, chain: str, owner: str, units: int, life: int) -> None:
        self.locks += 1
        self.world.submit(chain, Transaction("lock", self.locks, owner, units, self.world.now + life))

    @rule(chain=st.sampled_from("ab"), seconds=st.integers(0, 12))
    def block(self, chain: str, seconds: int) -> None:
        self.world.now += seconds
        self.world.mine(chain)
        self.step()

    @rule(chain=st.sampled_from("ab"), depth=st.integers(1, 5), kept=st.sets(st.integers(0, 4)))
    def undo(self, chain: str, depth: int, kept: set[int]) -> None:
        if depth <= len(self.world.chains[chain].past):
            self.world.reorganise(chain, depth, kept)
            self.step()

    @precondition(lambda self: self.flying)
    @rule(data=st.data(), how=st.sampled_from(["deliver", "deliver", "deliver", "lose", "double"]))
    def message(self, data: st.DataObject, how: str) -> None:
        k = data.draw(st.integers(0, len(self.flying) - 1))
        if how == "double":
            self.flying.append(self.flying[k])
            return
        payload = self.flying.pop(k)
        if how == "deliver":
            answer = self.world.deliver(payload)
            self.flying += [] if answer is None else [answer]
            self.step()

    @precondition(lambda self: self.world.venue.liens)
    @rule(data=st.data(), act=st.sampled_from(["draw", "draw", "repay", "release", "seize", "take"]))
    def owner(self, data: st.DataObject, act: str) -> None:
        venue, clock = self.world.venue, self.world.clock
        key = data.draw(st.sampled_from(sorted(venue.liens)))
        lien = venue.liens[key]
        live = lien.state in ("attested", "active")
        if act == "draw" and (room := venue.room(key, clock)):
            venue.draw(key, data.draw(st.integers(1, room)), clock)
        elif act == "repay" and live and lien.drawn:
            venue.repay(key, data.draw(st.integers(1, lien.drawn)))
        elif act == "release" and live and not lien.drawn:
            venue.release(key)
        elif act == "seize" and live and lien.drawn:
            venue.seize(key, clock)
        elif act == "take":
            self.world.submit(lien.chain, Transaction("withdraw", key[1]))
        self.step()

    @invariant()
    def holds(self) -> None:
        self.flying += self.world.due()
        assert self.world.broken() == []


TwoChains.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestTwoChains = TwoChains.TestCase


@pytest.mark.parametrize("deep", [False, True])
def test_a_seeded_run(deep: bool) -> None:
    network = sample_network(deep=deep)
    found = simulate(network, events=6_000, seed=5)
    assert (found.worst, dict(found.broken)) == (0, {})
    assert min(found.checked.values()) == 6_000
    assert min(found.messages["lost"], found.messages["doubled"], found.events["reorganisation"]) > 20
    assert found.ends["seized"] > 5
    assert found.ends["released"] > 5
    # without deep reorganisations no lien is ever without its lock
    assert (found.unbacked == 0) or deep
    assert simulate(network, events=2_000, seed=6).to_dict() == simulate(network, events=2_000, seed=6).to_dict()


def test_latency_haircut_by_hand() -> None:
    # 0.6 a year, a quarter of an hour: sigma sqrt(t) = 0.6 * sqrt(900 / 31536000)
    hand = 1.0 - math.exp(-2.0 * 0.6 * math.sqrt(900.0 / 31_536_000.0)) + 0.01
    assert latency_haircut(0.6, 600.0, 300.0, quantile=2.0, bridge_loss=0.01) == pytest.approx(hand, rel=1e-12)
    assert latency_haircut(50.0, 1e9, 0.0, bridge_loss=0.5) == 1.0
    base = (0.6, 600.0, 300.0)
    for k in range(3):
        more = [x * (1.1 if j == k else 1.0) for j, x in enumerate(base)]
        assert latency_haircut(*more) > latency_haircut(*base)


def test_value_of_locks() -> None:
    chain = ChainTerms(confirmations=10, block_seconds=12, delay_seconds=20, loss=0.2, volatility=0.7, bridge_loss=0.02)
    network = LienNetwork(chains={"x": chain}, terms=Terms(retry=60), haircuts={"ETH": 0.1})
    assert waits(chain, 60) == (120.0, 2.0 * (20.0 + 60.0 * 0.25))
    (row,) = valued(network, {"x": 1_000_000})
    assert row.equity == math.floor(1_000_000 * (0.9 * (1.0 - row.latency - 0.02)))
    assert row.latency == latency_haircut(0.7, 120.0, 70.0)
    with pytest.raises(DocumentError, match=r"balances\.y"):
        valued(network, {"y": 1})
    with pytest.raises(DocumentError, match="whole units"):
        valued(network, {"x": -1})


def test_bad_input() -> None:
    with pytest.raises(DocumentError, match="twice the skew"):
        LienNetwork.from_dict(
            {
                "schema": "plimsoll.lien-network",
                "schema_version": 1,
                "chains": {"x": {"skew": 100}},
                "terms": {"guard": 9},
            }
        )
    with pytest.raises(DocumentError, match="per mille"):
        LienNetwork.from_dict(
            {"schema": "plimsoll.lien-network", "schema_version": 1, "chains": {"x": {}}, "terms": {"advance": 1001}}
        )
    with pytest.raises(DocumentError, match="volatility"):
        latency_haircut(-0.1, 1.0, 1.0)
    with pytest.raises(DocumentError, match="events"):
        simulate(sample_network(), events=0)
    with pytest.raises(DocumentError, match=r"free\.o"):
        Chain.of({"o": -1})
    w = world()
    with pytest.raises(DocumentError, match="blocks that can be undone"):
        w.reorganise("c", KEPT + 1)
    locked(w)
    for wrong in (lambda: w.venue.draw(KEY, 1, 0), lambda: w.venue.repay(KEY, 1), lambda: w.venue.seize(KEY, 0)):
        with pytest.raises(DocumentError):
            wrong()
    w.mine("c")
    pass_on(w)
    with pytest.raises(DocumentError, match="1 to 30"):
        w.venue.draw(KEY, 31, 0)
    w.venue.draw(KEY, 30, 0)
    with pytest.raises(DocumentError, match="owes nothing"):
        w.venue.release(KEY)


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_the_page_is_what_the_runs_give() -> None:
    from measure_liens import main

    assert main(["--check"]) == 0
