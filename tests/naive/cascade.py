"""A cascade of a tiny fleet in plain Python: one account, one order, one lot after the other. No shared code.

Written from the sentences of `docs/cascade.md`. Amounts are Python integers, prices floats; the order of sums of floats
is that of accounts by number and of positions as they stand, so that results agree to the unit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import NormalDist
from typing import Any

PARTS = 65_536


@dataclass
class Acc:
    number: int
    cash: list[int]
    lots: dict[int, int]
    entry: dict[int, int]
    due: int = -1
    queued: int = 0
    amber: int = -1

    @property
    def flat(self) -> bool:
        return not any(self.lots.values())


@dataclass
class Side:
    taken: list[float] = field(default_factory=lambda: [0.0, 0.0])
    lasting: float = 0.0
    passing: float = 0.0
    posted: float = 1.0


def curve(levels: list[tuple[float, float]], taken: float) -> float:
    """Move of a depth; levels are (depth, move) from (0, 0) on, the last piece goes on."""
    for (d0, m0), (d1, m1) in pairwise(levels):
        if taken < d1 or (d1, m1) == levels[-1]:
            return m0 + (m1 - m0) * ((taken - d0) / (d1 - d0))
    raise AssertionError


class Cascade:
    """One run; `history` has for each step price, fund, forced, closed, bad debt, deleveraged, adl, socialised."""

    def __init__(self, fleet: Any, path: Any, liquidity: Any, venue: Any, schedule: Any, seed: int = 0) -> None:
        self.fleet, self.path, self.venue, self.seed = fleet, path, venue, seed
        self.names = list(dict.fromkeys(i.underlying for i in fleet.instruments))
        self.column = [path.underlyings.index(u) for u in self.names]
        self.unit = 10.0**venue.decimals
        self.makers = liquidity.makers
        self.levels = []
        self.refill = []
        for u in self.names:
            calm = liquidity.underlyings[u]
            self.levels.append([(0.0, 0.0), *zip(calm.depth, calm.moves, strict=True)])
            self.refill.append(calm.refill)
        self.tiers = []
        for u in self.names:
            rows, start = [], 0.0
            for tier in schedule.assets[u].tiers:
                end = math.inf if tier.upto is None else tier.upto * self.unit
                rows.append((start, end, tier.maintenance))
                start = end
            self.tiers.append(rows)
        self.under_of = [self.names.index(i.underlying) for i in fleet.instruments]
        self.settle = [fleet.currencies.index(i.underlying) if i.kind == "inverse" else 0 for i in fleet.instruments]
        self.accounts = []
        for a in range(fleet.indptr.size - 1):
            places = range(int(fleet.indptr[a]), int(fleet.indptr[a + 1]))
            self.accounts.append(
                Acc(
                    int(fleet.ids[a]),
                    [int(x) for x in fleet.cash[a]],
                    {int(fleet.indices[j]): int(fleet.lots[j]) for j in places},
                    {int(fleet.indices[j]): int(fleet.entry[j]) for j in places},
                )
            )
        self.by_number = sorted(self.accounts, key=lambda x: x.number)
        money = len(fleet.currencies)
        self.purse = {"insurance_fund": round(venue.insurance_fund * 10**venue.decimals)}
        self.purse["venue_capital"] = round(venue.venue_capital * 10**venue.decimals)
        self.purse |= {"fees": 0, "keepers": 0}
        self.maker_cash, self.maker_lots = [0] * money, [0] * len(fleet.instruments)
        self.desk, self.rest_cash = [0] * money, [0] * money
        self.rest = [-sum(x.lots.get(n, 0) for x in self.accounts) for n in range(len(fleet.instruments))]
        first = [fleet.prices[u] for u in self.names]
        for n, lots in enumerate(self.rest):
            self.rest_cash[self.settle[n]] -= lots * self.each(n, first)[0]
        self.side = [Side() for _ in self.names]
        self.prices = [first]
        self.history: list[dict[str, Any]] = []
        self.promised = 0.0
        self.bad_debt = 0
        for step in range(1, path.steps + 1):
            self.step(step)

    # what things are worth

    def each(self, n: int, price: list[float]) -> tuple[int, int, int]:
        """Units a lot: of the settlement currency, of a USD, and the notional."""
        what, p = self.fleet.instruments[n], price[self.under_of[n]]
        if what.kind == "linear":
            x = round(p * what.lot * self.unit)
            return x, x, x
        coin = 10.0 ** self.fleet.decimals[self.settle[n]]
        own = -round(what.lot / p * coin)
        return own, round(own / coin * p * self.unit), round(what.lot * self.unit)

    def rates(self, step: int, mark: list[float]) -> list[float]:
        found = []
        for c, name in enumerate(self.fleet.currencies):
            if name in self.path.currencies:
                usd = float(self.path.peg[step, self.path.currencies.index(name)])
            else:
                usd = mark[self.names.index(name)] if name in self.names else 1.0
            found.append(1.0 if c == 0 else usd * 10.0 ** (self.fleet.decimals[0] - self.fleet.decimals[c]))
        return found

    def kept(self, c: int) -> float:
        return 1.0 - float(self.venue.haircuts.get(self.fleet.currencies[c], 0.0))

    def base(self, acc: Acc, rate: list[float]) -> int:
        total = acc.cash[0]
        for c in range(1, len(acc.cash)):
            x = float(acc.cash[c])
            total += math.floor((x * self.kept(c) if x > 0 else x) * rate[c])
        return total

    def equity(self, acc: Acc, rate: list[float], mark: list[float]) -> int:
        return self.base(acc, rate) + sum(lots * self.each(n, mark)[1] for n, lots in acc.lots.items())

    def charge(self, acc: Acc, mark: list[float], rest: float = 1.0) -> float:
        total = 0.0
        for n, lots in acc.lots.items():
            size, part = float(abs(lots * self.each(n, mark)[2])) * rest, 0.0
            for start, end, rate in self.tiers[self.under_of[n]]:
                if size > start:
                    part += (min(size, end) - start) * rate
            total += part
        return total

    def line(self, acc: Acc, mark: list[float]) -> int:
        return math.ceil(self.charge(acc, mark))

    # one step

    def step(self, t: int) -> None:
        path, minutes = self.path, self.path.step_seconds / 60.0
        for k, side in enumerate(self.side):
            left = (1.0 - self.refill[k]) ** minutes
            side.taken = [x * left for x in side.taken]
            side.passing *= left
        self.outside = [
            self.fleet.prices[u] * float(path.price[t, c]) for u, c in zip(self.names, self.column, strict=True)
        ]
        self.prices.append(self.now())
        for k in range(len(self.side)):
            self.withdraw(t, k, minutes)
        capacity = self.venue.keepers.capacity
        if capacity is not None:
            self.promised = self.promised % 1.0 + capacity / float(path.gas[t]) ** self.venue.keepers.thins * minutes
        self.sent = 0
        self.row: dict[str, Any] = dict.fromkeys(("closed", "deleveraged", "adl", "socialised", "paid", "short"), 0)
        self.failed: list[Acc] = []
        late = int(path.lag[t])
        rounds = 0
        while True:
            mark = self.prices[t] if late == 0 else self.prices[max(0, t - late)]
            traded = self.round(t, mark)
            if traded is None:
                break
            rounds += 1
            if not traded or rounds >= self.venue.rounds:
                break
        self.socialise(t)
        self.row |= {"price": list(self.prices[t]), "fund": self.purse["insurance_fund"], "rounds": rounds}
        self.row["bad_debt"] = self.bad_debt
        self.history.append(self.row)

    def now(self) -> list[float]:
        return [o * math.exp(s.lasting + s.passing) for o, s in zip(self.outside, self.side, strict=True)]

    def withdraw(self, t: int, k: int, minutes: float | None) -> None:
        m, side = self.makers, self.side[k]
        back = max(1, round(m.minutes / (self.path.step_seconds / 60.0)))
        move = math.log(self.prices[t][k] / self.prices[max(0, t - back)][k])
        allowed = self.venue.maker_allowance
        burnt = allowed is not None and self.maker_gain(t) < -allowed
        target = m.stay if burnt else max(m.stay, math.exp(-m.shy * abs(move)))
        if minutes is not None and target > side.posted:
            side.posted = min(target, 1.0 - (1.0 - side.posted) * 0.5 ** (minutes / m.minutes))
        else:
            side.posted = min(target, side.posted)

    def maker_gain(self, t: int) -> float:
        rate = self.rates(t, self.prices[t])
        cash = sum(x * r for x, r in zip(self.maker_cash, rate, strict=True))
        held = sum(lots * self.each(n, self.prices[t])[1] for n, lots in enumerate(self.maker_lots))
        return (cash + held) / self.unit

    def round(self, t: int, mark: list[float]) -> bool | None:
        rate = self.rates(t, mark)
        self.queue(t, mark, rate)
        ready = [a for a in self.by_number if 0 <= a.due <= t]
        if self.venue.keepers.capacity is not None:
            ready = sorted(ready, key=lambda a: (a.due, a.number))[: max(0, int(self.promised) - self.sent)]
            ready.sort(key=lambda a: a.number)
        parts = {a.number: self.parts(a, mark, rate) for a in ready}
        ready = [a for a in ready if self.acts(a, parts[a.number], mark, t)]
        if not ready:
            return None
        equity = {a.number: self.equity(a, rate, mark) for a in self.accounts}
        bankrupt = [a for a in ready if equity[a.number] < 0]
        moved = False
        adl: list[Acc] = []
        if bankrupt and "adl" in self.venue.order:
            have = sum(self.purse[x] for x in self.before())
            if -sum(equity[a.number] for a in bankrupt) > have:
                adl = bankrupt
        if adl:
            moved = self.deleverage(adl, equity, mark, rate) or moved
            self.count(adl)
        rest = [a for a in ready if a not in adl]
        if rest:
            moved = self.trade(t, rest, parts) or moved
            self.count(rest)
            gone = [a for a in rest if a.flat]
            for a in gone:
                self.change(a, self.rates(t, self.prices[t]))
            self.pots(gone, self.before() + self.after())
            self.failed += gone
            self.prices[t] = self.now()
            for k in range(len(self.side)):
                self.withdraw(t, k, None)
        self.failed += [a for a in adl if a.flat]
        return moved

    def count(self, rows: list[Acc]) -> None:
        for a in rows:
            a.due = -1
        self.row["closed"] += len(rows)
        self.sent += len(rows)

    def queue(self, t: int, mark: list[float], rate: list[float]) -> None:
        fresh = []
        for a in self.by_number:
            if a.flat or self.equity(a, rate, mark) >= self.line(a, mark):
                a.due = -1
            elif a.due < 0:
                fresh.append(a)
        waiting = sum(a.due >= 0 for a in self.accounts)
        keepers, gas = self.venue.keepers, float(self.path.gas[t])
        for a in fresh:
            median = keepers.latency * gas**keepers.slows
            if keepers.capacity is not None and keepers.congestion:
                each = keepers.capacity / gas**keepers.thins * (self.path.step_seconds / 60.0)
                median *= 1.0 + keepers.congestion * waiting / each
            seconds = 0.0
            if keepers.latency:
                z = NormalDist().inv_cdf(draw(self.seed, a.number, a.queued))
                seconds = median * math.exp(keepers.spread * z)
            a.due = t + int(seconds // self.path.step_seconds)
            a.queued += 1

    def parts(self, a: Acc, mark: list[float], rate: list[float]) -> int:
        if self.venue.close == "whole":
            return PARTS
        equity = float(self.equity(a, rate, mark))
        whole = 0.0
        for n, lots in a.lots.items():
            whole += float(abs(lots * self.each(n, mark)[2]))
        fee = self.venue.liquidation_fee + self.venue.taker_fee
        low, high = 0, PARTS
        while high - low > 1:
            middle = (low + high) // 2
            rest = 1.0 - middle / PARTS
            need = self.charge(a, mark, rest)
            if equity - fee * (1.0 - rest) * whole >= self.venue.target * need:
                high = middle
            else:
                low = middle
        return high

    def acts(self, a: Acc, parts: int, mark: list[float], t: int) -> bool:
        keepers = self.venue.keepers
        if self.venue.fee_to != "keepers":
            return True
        usd = 0.0
        for n, lots in a.lots.items():
            usd += float(abs(lots * self.each(n, mark)[2]))
        usd = usd * (parts / PARTS) / self.unit
        return bool(
            self.venue.liquidation_fee * usd >= keepers.gas_cost * float(self.path.gas[t]) + keepers.profit * usd
        )

    # the trade

    def walk(self, t: int, k: int, s: int, usd: float) -> tuple[float, float, float]:
        """Filled USD, mean and last price as multiples; by the curve of the levels, piece by piece."""
        side, price, outside = self.side[k], self.prices[t][k], self.outside[k]
        depth = float(self.path.depth[t, self.column[k]]) * side.posted
        band = self.venue.band
        reach = 1.0 - outside * (1.0 - band) / price if s == 0 else outside * (1.0 + band) / price - 1.0
        if depth <= 0.0 or reach <= 0.0:
            return 0.0, 1.0, 1.0
        levels = self.levels[k]
        start = side.taken[s] / depth
        begin = curve(levels, start)
        most = curve([(m, d) for d, m in levels], begin + reach)
        stop = min(start + usd / depth, max(start, most))
        if stop <= start:
            return 0.0, 1.0, 1.0
        filled = usd if stop == start + usd / depth else (stop - start) * depth
        knots = [start, *(d for d, _ in levels[:-1] if start < d < stop), stop]
        area = 0.0
        for x, y in pairwise(knots):
            area += (y - x) * 0.5 * (curve(levels, x) + curve(levels, y))
        sign = -1.0 if s == 0 else 1.0
        mean = 1.0 + sign * min(reach, area / (stop - start) - begin)
        return filled, mean, 1.0 + sign * min(reach, curve(levels, stop) - begin)

    def trade(self, t: int, rows: list[Acc], parts: dict[int, int]) -> bool:
        price = list(self.prices[t])
        wanted: list[tuple[Acc, int, int, int, int]] = []
        flow: dict[tuple[int, int], int] = {}
        for a in rows:
            for n, lots in a.lots.items():
                if lots:
                    amount = -(-abs(lots) * parts[a.number] // PARTS)
                    s = 0 if lots > 0 else 1
                    usd = amount * self.each(n, price)[2]
                    wanted.append((a, n, amount, s, usd))
                    flow[self.under_of[n], s] = flow.get((self.under_of[n], s), 0) + usd
        share = {key: self.walk(t, *key, usd / self.unit)[0] / (usd / self.unit) for key, usd in flow.items() if usd}
        filled = []
        done: dict[tuple[int, int], int] = {}
        for a, n, amount, s, _ in wanted:
            key = (self.under_of[n], s)
            part = share.get(key, 1.0)
            got = amount if part >= 1.0 else math.floor(amount * part)
            filled.append((a, n, got, s))
            done[key] = done.get(key, 0) + got * self.each(n, price)[2]
        walks = {key: self.walk(t, *key, usd / self.unit) for key, usd in done.items() if usd}
        for k in range(len(self.side)):
            for s in (0, 1):
                if (k, s) in walks:
                    self.side[k].taken[s] += walks[k, s][0]
                    impact = math.log(walks[k, s][2])
                    self.side[k].lasting += self.makers.lasting * impact
                    self.side[k].passing += (1.0 - self.makers.lasting) * impact
        notional = dict.fromkeys((a.number for a in rows), 0)
        for a, n, got, s in filled:
            if not got:
                continue
            at = list(price)
            k = self.under_of[n]
            if (k, s) in walks:
                at[k] = price[k] * walks[k, s][1]
            own = self.each(n, at)[0]
            change = -got if s == 0 else got
            self.book(a, n, change, own)
            self.maker_lots[n] -= change
            self.maker_cash[self.settle[n]] += change * own
            notional[a.number] += got * self.each(n, price)[2]
        rate = self.rates(t, price)
        for a in rows:
            left = max(0, self.equity(a, rate, price))
            for part, to in ((self.venue.taker_fee, "fees"), (self.venue.liquidation_fee, self.venue.fee_to)):
                fee = min(math.ceil(notional[a.number] * part), left)
                a.cash[0] -= fee
                self.purse[to] += fee
                left -= fee
        return any(got for _, _, got, _ in filled)

    def book(self, a: Acc, n: int, change: int, own: int) -> None:
        held = abs(a.lots[n])
        a.cash[self.settle[n]] -= change * own
        a.lots[n] += change
        a.entry[n] -= round(a.entry[n] * (abs(change) / held))
        if a.lots[n] == 0:
            a.entry[n] = 0

    # who pays

    def before(self) -> list[str]:
        order = list(self.venue.order)
        end = order.index("adl") if "adl" in order else len(order)
        return [x for x in order[:end] if x != "socialised"]

    def after(self) -> list[str]:
        order = list(self.venue.order)
        return [x for x in order[order.index("adl") + 1 :] if x != "socialised"] if "adl" in order else []

    def change(self, a: Acc, rate: list[float]) -> None:
        for c in range(1, len(a.cash)):
            if a.cash[c] < 0:
                cost = math.ceil(-a.cash[c] * rate[c])
                self.desk[c] += a.cash[c]
                self.desk[0] += cost
                a.cash[0] -= cost
                a.cash[c] = 0
        for c in range(1, len(a.cash)):
            each = rate[c] * self.kept(c)
            if a.cash[0] < 0 and a.cash[c] > 0 and each > 0.0:
                moved = min(a.cash[c], math.ceil(-a.cash[0] / each))
                got = math.floor(moved * each)
                a.cash[c] -= moved
                a.cash[0] += got
                self.desk[c] += moved
                self.desk[0] -= got

    def pots(self, rows: list[Acc], layers: list[str]) -> None:
        for layer in layers:
            owed = [max(0, -a.cash[0]) for a in rows]
            if not sum(owed):
                return
            shares = parcel(min(self.purse[layer], sum(owed)), owed)
            for a, units in zip(rows, shares, strict=True):
                a.cash[0] += units
            self.purse[layer] -= sum(shares)
            if layer == "insurance_fund":
                self.row["paid"] += sum(shares)
                self.row["short"] += sum(owed) - sum(shares)

    def deleverage(self, failed: list[Acc], equity: dict[int, int], mark: list[float], rate: list[float]) -> bool:
        value: dict[int, int] = {}
        from_rest, moved = 0, False
        for n in range(len(self.rest)):
            own, usd, size = self.each(n, mark)
            for side in (1, -1):
                mine = [a for a in failed if a.lots.get(n, 0) * side > 0]
                needed = sum(abs(a.lots[n]) for a in mine)
                if not needed:
                    continue
                others = [
                    a for a in self.by_number
                    if a not in failed and a.lots.get(n, 0) * side < 0 and equity[a.number] > 0
                ]  # fmt: skip
                taken = self.rank(others, n, needed, own, size, equity, rate)
                for a in others:
                    got = taken.get(a.number, 0)
                    if got:
                        self.book(a, n, side * got, own)
                        value[a.number] = value.get(a.number, 0) + abs(got * usd)
                        self.row["deleveraged"] += abs(got * usd)
                found = sum(taken.values())
                more = min(needed - found, max(0, -side * self.rest[n]))
                self.rest[n] += side * more
                self.rest_cash[self.settle[n]] -= side * more * own
                from_rest += abs(more * usd)
                self.row["deleveraged"] += abs(more * usd)
                left = found + more
                moved = moved or left > 0
                for a in mine:
                    got = min(left, abs(a.lots[n]))
                    if got:
                        self.book(a, n, -side * got, own)
                    left -= got
        gone = [a for a in failed if a.flat]
        for a in gone:
            self.change(a, rate)
        self.pots(gone, self.before())
        payers = [a for a in self.by_number if value.get(a.number, 0)]
        weights = [min(value[a.number], equity[a.number]) for a in payers]
        owed = [max(0, -a.cash[0]) for a in gone]
        total = min(sum(owed), sum(weights) + from_rest)
        if total:
            shares = parcel(total, [*weights, from_rest])
            for a, units in zip(payers, shares[:-1], strict=True):
                a.cash[0] -= units
            self.rest_cash[0] -= shares[-1]
            for a, units in zip(gone, parcel(total, owed), strict=True):
                a.cash[0] += units
            self.row["adl"] += total
        self.pots(gone, self.after())
        return moved

    def rank(
        self, others: list[Acc], n: int, needed: int, own: int, size: int, equity: dict[int, int], rate: list[float]
    ) -> dict[int, int]:
        held = {a.number: abs(a.lots[n]) for a in others}
        needed = min(needed, sum(held.values()))
        if self.venue.ranking == "pro-rata":
            return dict(zip(held, parcel(needed, list(held.values())), strict=True))
        taken = dict.fromkeys(held, 0)
        if self.venue.ranking == "profit-leverage":

            def score(a: Acc) -> float:
                worth, c = a.lots[n] * own, self.settle[n]
                mine = equity[a.number] if c == 0 else max(1, int(equity[a.number] / rate[c]))
                gained = float(worth - a.entry[n]) / max(1.0, abs(float(a.entry[n])))
                leverage = abs(float(worth)) / float(mine)
                return gained * leverage if gained > 0 else gained / leverage if leverage > 0 else -math.inf

            for a in sorted(others, key=lambda a: (-score(a), a.number)):
                taken[a.number] = min(needed, held[a.number])
                needed -= taken[a.number]
            return taken
        # the lots of the highest tier first
        for start, end, _ in reversed(self.tiers[self.under_of[n]]):
            for a in others:
                first = min(held[a.number], math.floor(start / max(1, size)))
                last = held[a.number] if math.isinf(end) else min(held[a.number], math.floor(end / max(1, size)))
                got = min(needed, last - first)
                taken[a.number] += got
                needed -= got
        return taken

    def socialise(self, t: int) -> None:
        failed = sorted({a.number: a for a in self.failed}.values(), key=lambda a: a.number)
        owed = [max(0, -a.cash[0]) for a in failed]
        if sum(owed) and "socialised" in self.venue.order:
            price = self.prices[t]
            rate = self.rates(t, price)
            weights, payers = [], []
            for a in self.by_number:
                gained = sum(
                    math.floor(float(lots * self.each(n, price)[0] - a.entry[n]) * rate[self.settle[n]])
                    for n, lots in a.lots.items()
                )
                weight = min(max(0, gained), max(0, self.equity(a, rate, price)))
                if weight and a not in failed:
                    weights.append(weight)
                    payers.append(a)
            total = min(sum(owed), sum(weights))
            for a, units in zip(payers, parcel(total, weights), strict=True):
                a.cash[0] -= units
            for a, units in zip(failed, parcel(total, owed), strict=True):
                a.cash[0] += units
            self.row["socialised"] = total
        self.bad_debt += sum(max(0, -a.cash[0]) for a in failed)


def parcel(total: int, weights: list[int]) -> list[int]:
    """Whole units in proportion, by the floors of running sums."""
    whole, running, before, found = sum(weights), 0, 0, []
    if total >= whole:
        return list(weights)
    for w in weights:
        running += w
        found.append(total * running // whole - before)
        before = total * running // whole
    return found


def draw(seed: int, number: int, count: int) -> float:
    """The uniform number of a delay: three rounds of the splitmix finaliser over seed, number and count."""

    def mix(z: int) -> int:
        z = (z + 0x9E3779B97F4A7C15) % 2**64
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % 2**64
        return z ^ (z >> 31)

    z = mix((seed * 0x9E3779B97F4A7C15 + 1) % 2**64)
    z = mix((z ^ (number * 0xD1B54A32D192ED03)) % 2**64)
    z = mix((z ^ (count * 0x8CB92BA72F3D8DD7)) % 2**64)
    return ((z >> 11) + 0.5) * 2.0**-53
