"""Hypothesis strategies: random cases of the SRM and first PMRM vectors."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from random_books import SECONDS, quantities

Doc = dict[str, Any]

TRUST = st.sampled_from([1.0, 0.9, 0.55, 0.54, 0.4, 0.3, 0.0])
STABLE = st.sampled_from([1.0, 1.01, 0.99, 0.95, 0.8])


def fractions(low: float = 0.0, high: float = 1.0) -> st.SearchStrategy[float]:
    """Numbers of a size that people write: no charge of 1e-310."""
    return st.floats(low, high, allow_nan=False).map(lambda x: round(x, 8))


@st.composite
def perps(draw: st.DrawFn, spot: float) -> Doc:
    """A perpetual, held or not, or one that only money is left of."""
    size = draw(quantities(20.0) | st.just(0.0))
    money = {"unrealised_pnl": draw(fractions(-500.0, 500.0)), "unsettled_funding": draw(fractions(-50.0, 50.0))}
    if draw(st.booleans()):
        money = dict.fromkeys(money, 0.0)
    return {"price": spot * draw(fractions(0.95, 1.05)), "confidence": draw(TRUST), "position": size, **money}


@st.composite
def legs(draw: st.DrawFn, seconds: int, spot: float) -> list[Doc]:
    """Options of one expiry on few strikes, so that they meet; some have no amount, some stand twice."""
    return [
        {
            "seconds_to_expiry": seconds,
            "type": draw(st.sampled_from(["call", "put"])),
            "strike": spot * draw(st.sampled_from([0.0, 0.4, 0.95, 1.0, 1.1, 3.0])),
            "amount": draw(quantities(20.0) | st.just(0.0) | st.sampled_from([1.0, -1.0])),
            "vol": draw(fractions(0.0, 2.0)),
        }
        for _ in range(draw(st.integers(0, 5)))
    ]


@st.composite
def srm_cases(draw: st.DrawFn) -> tuple[Doc, Doc]:
    """(inputs, parameters) in the schema of the SRM vectors."""
    markets = []
    for name, spot in (("ETH", 2_000.0), ("BTC", 70_000.0), ("SOL", 150.0)):
        if not draw(st.booleans()):
            continue
        expiries, options = [], []
        for seconds in draw(st.lists(st.sampled_from(SECONDS), unique=True, max_size=3)):
            row = {"seconds_to_expiry": seconds, "forward": spot * draw(fractions(0.85, 1.2))}
            expiries.append(row | {"forward_confidence": draw(TRUST), "vol_confidence": draw(TRUST)})
            options += draw(legs(seconds, spot))
        market: Doc = {"market": name, "spot": spot, "spot_confidence": draw(TRUST), "perp": draw(perps(spot))}
        base = draw(st.sampled_from([0.0, 1.0, 2.5]))
        markets.append(market | {"base_amount": base, "expiries": expiries, "options": options})
    inputs = {"stable_price": draw(STABLE), "cash": draw(fractions(-1e4, 1e4)), "markets": markets}
    low = draw(fractions(0.05, 0.15))
    option = {"max_spot_req": low + draw(fractions(0.0, 0.1)), "min_spot_req": low}
    option |= {f"mm_{name}_req": draw(fractions(0.0, 0.2)) for name in ("call_spot", "put_spot", "put_mtm")}
    option |= {f"unpaired_{name}_scale": draw(fractions(1.0, 1.4)) for name in ("im", "mm")}
    params = {
        "perp": {"mm_req": draw(fractions(0.0, 0.1)), "im_req": draw(fractions(0.05, 0.2))},
        "option": option | {"mm_offset_scale": draw(fractions(1.0, 1.2))},
        "oracle_contingency": {
            "perp_threshold": draw(st.sampled_from([0.0, 0.4, 0.55])),
            "option_threshold": draw(st.sampled_from([0.0, 0.4, 0.55])),
            "base_threshold": draw(st.sampled_from([0.0, 0.4, 0.55])),
            "factor": draw(fractions()),
        },
        "base": {"margin_factor": draw(st.sampled_from([0.0, 0.75])), "im_scale": draw(st.sampled_from([0.0, 0.9]))},
        "depeg": {"threshold": 0.98, "factor": draw(fractions(0.0, 3.0))},
    }
    return inputs, params


@st.composite
def pmrm1_cases(draw: st.DrawFn) -> tuple[Doc, Doc, list[Doc]]:
    """(inputs, parameters, scenarios) in the schema of the vectors of the first portfolio manager."""
    spot = 2_000.0
    expiries, options = [], []
    for seconds in draw(st.lists(st.sampled_from(SECONDS), unique=True, max_size=4)):
        forward = spot * draw(fractions(0.85, 1.2))
        fixed = forward * draw(st.sampled_from({0: [1.0, 0.0], 900: [0.5]}.get(seconds, [0.0])))
        row = {"seconds_to_expiry": seconds, "forward_variable": forward - fixed, "forward_fixed": fixed}
        row |= {"rate": draw(fractions(-0.2, 0.4))}
        expiries.append(row | {f"{name}_confidence": draw(TRUST) for name in ("forward", "rate", "vol")})
        options += draw(legs(seconds, spot))
    inputs = {
        "spot": {"price": spot, "confidence": draw(TRUST)},
        "stable": {"price": draw(STABLE)},
        "perp": draw(perps(spot)),
        "cash": draw(fractions(-1e4, 1e4)),
        "base_amount": draw(st.sampled_from([0.0, 1.0, 2.5])),
        "expiries": expiries,
        "options": options,
    }
    margin = {"im_factor": draw(fractions(1.0, 1.5)), "base_static_discount": draw(fractions(0.8, 1.0))}
    vol = {"range_up": draw(fractions()), "range_down": draw(fractions()), "dte_floor_days": 1.0}
    basis = {"spot_up": draw(fractions(1.0, 1.1)), "spot_down": draw(fractions(0.9, 1.0))}
    other = {"peg_loss_threshold": 0.98, "peg_loss_factor": draw(fractions(0.0, 4.0)), "conf_threshold": 0.55}
    params = {
        "margin": margin | {"rate_mult": draw(fractions(0.0, 4.0)), "rate_add": draw(fractions(0.0, 0.2))},
        "vol_shock": vol | {"short_term_power": 0.3, "long_term_power": 0.13},
        "basis": basis | {"add_factor": draw(fractions(0.0, 1.0)), "mult_factor": draw(fractions(0.0, 2.0))},
        "other": other | {f"{n}_pct": draw(fractions(0.0, 0.05)) for n in ("base", "perp", "option")},
    }
    params["other"]["conf_margin"] = draw(fractions(0.0, 1.0))
    shocks, vols = st.sampled_from([0.8, 0.9, 1.0, 1.1, 1.2]), st.sampled_from(["up", "down", "none"])
    row_of = st.fixed_dictionaries({"spot_shock": shocks, "vol_shock": vols})
    return inputs, params, draw(st.lists(row_of, min_size=1, max_size=8))
