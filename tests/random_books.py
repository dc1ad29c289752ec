"""Hypothesis strategies: random books of the house model and random cases of the PMRM_2 vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from builders import NOW, at

Doc = dict[str, Any]

SOME = settings(max_examples=max(10, settings.default.max_examples // 3))
"""A third of the examples of the profile, for properties that compute several requirements each."""

INDEX = {"BTC": 70_000.0, "ETH": 2_500.0}
YEAR = 31_536_000.0
SECONDS = (0, 900, 21_600, 86_400, 604_800, 2_592_000, 3_888_000, 31_536_000, 157_680_000)


@dataclass(frozen=True)
class Leg:
    """One position: the contract, what the market says about it and the quantity (signed)."""

    name: str
    underlying: str
    kind: str
    style: str
    multiplier: float
    quantity: float
    call: bool = False
    strike: float = 0.0
    vol: float = 0.0
    expiry: int = 0
    mark: float = 0.0


@dataclass(frozen=True)
class World:
    """A book and its market. `forwards[underlying][e]` is (variable, fixed) of the expiry `SECONDS[e]`.

    `coin` is what linear contracts settle in.
    """

    legs: tuple[Leg, ...]
    forwards: dict[str, dict[int, tuple[float, float]]]
    stable: float
    cash: float
    coin: str = "USDC"

    def market(self) -> Doc:
        """The market document."""
        instruments, marks = [], {}
        for leg in self.legs:
            row: Doc = {"kind": leg.kind, "name": leg.name, "underlying": leg.underlying}
            if leg.kind != "spot":
                currency = leg.underlying if leg.style == "inverse" else self.coin
                row |= {"settlement": leg.style, "currency": currency, "multiplier": leg.multiplier}
            if leg.kind in ("option", "future"):
                row["expiry"] = at(SECONDS[leg.expiry])
            if leg.kind == "option":
                row |= {"strike": leg.strike, "call": leg.call}
                marks[leg.name] = {"vol": leg.vol}
            elif leg.kind != "spot":
                marks[leg.name] = {"price": leg.mark}
            instruments.append(row)
        expiries = []
        for underlying, table in self.forwards.items():
            for e, (variable, fixed) in table.items():
                row = {"underlying": underlying, "expiry": at(SECONDS[e])}
                row["forward"] = {"variable": variable, "fixed": fixed}
                if SECONDS[e] == 0:
                    row["settlement"] = fixed
                expiries.append(row)
        return {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": NOW,
            "indices": {u: {"price": p} for u, p in INDEX.items()},
            "assets": {self.coin: {"price": self.stable}},
            "expiries": expiries,
            "instruments": instruments,
            "marks": marks,
        }

    def account(self) -> Doc:
        """The account document."""
        rows = [{"instrument": leg.name, "quantity": leg.quantity} for leg in self.legs]
        return {
            "schema": "plimsoll.account",
            "schema_version": 1,
            "positions": rows,
            "collateral": {self.coin: self.cash},
        }

    def twin(self) -> tuple[list[Doc], Doc]:
        """(book, market) as tests/naive/prbm.py takes them."""
        rows = []
        for leg in self.legs:
            settle = leg.underlying if leg.style == "inverse" else self.coin
            row: Doc = {"underlying": leg.underlying, "kind": leg.kind, "style": leg.style}
            row |= {"multiplier": leg.multiplier, "quantity": leg.quantity, "settle": settle}
            if leg.kind in ("option", "future"):
                variable, fixed = self.forwards[leg.underlying][leg.expiry]
                row["t"] = SECONDS[leg.expiry] / YEAR
            if leg.kind == "option":
                row |= {"call": leg.call, "strike": leg.strike, "vol": leg.vol}
                row |= {"forward_variable": variable, "forward_fixed": fixed}
            elif leg.kind == "future":
                # the part of the mark that still moves is that of the forward of its expiry
                share = variable / (variable + fixed)
                row |= {"forward_variable": leg.mark * share, "forward_fixed": leg.mark * (1.0 - share)}
            elif leg.kind == "perpetual":
                row["mark"] = leg.mark
            rows.append(row)
        return rows, {"index": dict(INDEX), "settle_price": {self.coin: self.stable, **INDEX}}


def quantities(limit: float = 50.0) -> st.SearchStrategy[float]:
    """Signed sizes away from zero."""
    size = st.floats(0.01, limit, allow_nan=False)
    return st.tuples(size, st.booleans()).map(lambda pair: pair[0] if pair[1] else -pair[0])


@st.composite
def worlds(
    draw: st.DrawFn,
    *,
    underlyings: tuple[str, ...] = ("BTC", "ETH"),
    styles: tuple[str, ...] = ("linear", "inverse"),
    kinds: tuple[str, ...] = ("option", "option", "option", "future", "perpetual", "spot"),
    long_only: bool = False,
    most: int = 8,
    coin: str = "USDC",
) -> World:
    """A random book of one to `most` positions."""
    forwards: dict[str, dict[int, tuple[float, float]]] = {}
    legs = []
    for i in range(draw(st.integers(1, most))):
        underlying = draw(st.sampled_from(underlyings))
        kind = draw(st.sampled_from(kinds))
        style = draw(st.sampled_from(styles)) if kind != "spot" else "linear"
        spot = INDEX[underlying]
        usd = style == "inverse" and kind != "option"
        multiplier = 1.0 if kind == "spot" else draw(st.sampled_from([10.0, 100.0] if usd else [1.0, 0.1, 0.01]))
        quantity = draw(quantities())
        leg: Doc = {"quantity": abs(quantity) if long_only else quantity, "multiplier": multiplier}
        if kind in ("option", "future"):
            # a future at its last instant has no price left to move
            leg["expiry"] = draw(st.integers(0 if kind == "option" else 1, len(SECONDS) - 1))
            table = forwards.setdefault(underlying, {})
            if leg["expiry"] not in table:
                forward = spot * draw(st.floats(0.8, 1.25))
                part = {0: 1.0, 1: 0.5}.get(leg["expiry"], 0.0)
                table[leg["expiry"]] = (forward * (1.0 - part), forward * part)
        if kind == "option":
            leg["call"] = draw(st.booleans())
            leg["strike"] = round(spot * draw(st.floats(0.3, 3.0)), 2)
            leg["vol"] = draw(st.floats(0.0, 2.5))
        elif kind != "spot":
            leg["mark"] = spot * draw(st.floats(0.9, 1.1))
        legs.append(Leg(f"{underlying}-{kind}-{i}", underlying, kind, style, **leg))
    return World(tuple(legs), forwards, draw(st.sampled_from([1.0, 0.97, 1.01])), draw(st.floats(-1e5, 1e5)), coin)


@st.composite
def pmrm2_cases(draw: st.DrawFn) -> tuple[Doc, Doc, list[Doc]]:
    """(inputs, parameters, scenarios) in the schema of the PMRM_2 vectors."""
    real, trust = st.floats, st.sampled_from([1.0, 0.9, 0.55, 0.54, 0.3, 0.0])
    spot = 2_000.0
    times = draw(st.lists(st.sampled_from(SECONDS), unique=True, max_size=4))
    expiries, options = [], []
    for seconds in times:
        forward = spot * draw(real(0.85, 1.2))
        fixed = forward * {0: 1.0, 900: 0.5}.get(seconds, draw(st.sampled_from([0.0, 0.0, 0.25])))
        svi = {"a": draw(real(0.005, 0.05)), "b": draw(real(0.01, 0.3)), "rho": draw(real(-0.9, 0.9))}
        svi |= {"m": draw(real(-0.2, 0.2)), "sigma": draw(real(0.05, 0.8)), "forward": forward, "tau": 0.1}
        row: Doc = {"seconds_to_expiry": seconds, "forward_variable": forward - fixed, "forward_fixed": fixed}
        row |= {"rate": draw(real(-0.2, 0.4)), "svi": svi}
        row |= {f"{name}_confidence": draw(trust) for name in ("forward", "rate", "vol")}
        expiries.append(row)
        for _ in range(draw(st.integers(0, 4))):
            vol = None if seconds and draw(st.booleans()) else draw(real(0.0, 2.0))
            leg: Doc = {"seconds_to_expiry": seconds, "strike": draw(st.sampled_from([800.0, 1_900.0, 2_000.0]))}
            leg |= {"type": draw(st.sampled_from(["call", "put"])), "vol": 0.0 if not seconds else vol}
            options.append(leg | {"amount": draw(quantities(20.0) | st.just(0.0))})
    collaterals = [
        {
            "name": f"COIN{j}",
            "amount": draw(real(0.0, 10.0)),
            "price": draw(real(0.5, 3_000.0)),
            "confidence": draw(trust),
            "risk_cancelling": draw(st.booleans()),
            "mm_haircut": draw(real(0.0, 0.4)),
            "im_haircut_extra": draw(real(0.0, 0.2)),
        }
        for j in range(draw(st.integers(0, 3)))
    ]
    perp: Doc = {"price": 0.0, "confidence": 0.0, "position": 0.0, "unrealised_pnl": 0.0, "unsettled_funding": 0.0}
    if draw(st.booleans()):
        perp = {"price": spot * draw(real(0.95, 1.05)), "confidence": draw(trust)}
        perp |= {"position": draw(quantities(20.0) | st.just(0.0))}
        perp |= {"unrealised_pnl": draw(real(-500.0, 500.0)), "unsettled_funding": draw(real(-50.0, 50.0))}
    inputs = {
        "spot": {"price": spot, "confidence": draw(trust)},
        "stable": {"price": draw(st.sampled_from([1.0, 1.01, 0.99, 0.95, 0.8])), "confidence": draw(trust)},
        "perp": perp,
        "cash": draw(real(-10_000.0, 10_000.0)),
        "collaterals": collaterals,
        "expiries": expiries,
        "options": options,
    }
    return inputs, draw(pmrm2_parameters()), draw(pmrm2_tables())


@st.composite
def pmrm2_parameters(draw: st.DrawFn) -> Doc:
    """The venue's parameters, each moved by up to a fifth."""
    base: dict[str, dict[str, float]] = {
        "margin": {
            "im_factor": 1.0,
            "mm_factor": 0.8,
            "long_base_static_discount": 0.95,
            "long_rate_mult": 1.0,
            "long_rate_add": 0.08,
            "short_base_static_discount": 1.04,
            "short_rate_mult": 0.5,
            "short_rate_add": 0.08,
        },
        "vol_shock": {
            "range_up": 0.5,
            "range_down": 0.275,
            "short_term_power": 0.3,
            "long_term_power": 0.13,
            "dte_floor_days": 1.0,
            "min_vol_up_shock": 0.45,
        },
        "basis": {"spot_up": 1.045, "spot_down": 0.955, "add_factor": 0.5, "mult_factor": 2.0},
        "other": {
            "peg_loss_threshold": 0.98,
            "peg_loss_factor": 2.0,
            "conf_threshold": 0.55,
            "conf_margin": 1.0,
            "mm_perp_pct": 0.015,
            "im_perp_pct": 0.005,
            "mm_option_pct": 0.003,
            "im_option_pct": 0.002,
        },
        "skew": {
            "linear_base_cap": 0.15,
            "abs_base_cap": 0.15,
            "linear_c_base": -0.05,
            "abs_c_base": -0.05,
            "min_k_star": 0.01,
            "width_scale": 4.0,
            "vol_param_static": 0.6,
            "vol_param_scale": -0.1,
        },
    }
    moved = {g: {n: v * draw(st.floats(0.8, 1.2)) for n, v in rows.items()} for g, rows in base.items()}
    moved["other"]["conf_threshold"] = 0.55
    return moved


@st.composite
def pmrm2_tables(draw: st.DrawFn) -> list[Doc]:
    """Up to twelve rows with tails and the two tilts."""
    row = st.fixed_dictionaries(
        {
            "spot_shock": st.sampled_from([0.82, 0.91, 1.0, 1.09, 1.18]),
            "vol_shock": st.sampled_from(["up", "down", "none"]),
            "dampening": st.just(1.0),
        }
    )
    tail = st.fixed_dictionaries(
        {
            "spot_shock": st.sampled_from([0.34, 0.67, 1.5, 3.0, 6.0]),
            "vol_shock": st.just("up"),
            "dampening": st.floats(0.01, 0.5),
        }
    )
    tilts = [
        {"spot_shock": 1.0, "vol_shock": f"skew_{kind}", "dampening": draw(st.sampled_from([0.0, 1.0, 2.0]))}
        for kind in ("linear", "abs")
        if draw(st.booleans())
    ]
    return [*draw(st.lists(row, min_size=1, max_size=6)), *draw(st.lists(tail, max_size=4)), *tilts]
