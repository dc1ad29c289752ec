"""Words for the numbers of rule packs: what a parameter is called, its unit, and which way is stricter."""

from __future__ import annotations

import inspect
from typing import Any, get_args

from pydantic import BaseModel

from plimsoll.margin.catalogue import venue_words

# Suffix of a path: (words, unit, sign). Units: % of something, x a multiplier shown as its move, $, d days, s seconds,
# n a plain number. Sign: 1 where a higher number asks for more margin, -1 for less, 0 where it depends on the book.
WORDS: dict[str, tuple[str, str, int]] = {
    # the house model
    "vol_power_short": ("power of the volatility shock in time, up to the reference tenor", "n", 0),
    "vol_power_long": ("power of the volatility shock in time, beyond the reference tenor", "n", 0),
    "vol_reference_days": ("tenor at which volatility shocks are quoted", "d", 0),
    "vol_days_floor": ("shortest tenor that volatility shocks know", "d", 0),
    "min_delta.net": ("minimum delta charge on net delta", "%", 1),
    "min_delta.hedged": ("minimum delta charge on offset delta", "%", 1),
    "min_delta.cap_long_options": ("bought options are charged at most their value", "n", 0),
    "short_option_rate": ("floor for net short options", "%", 1),
    "basis.up": ("basis charge: forward shock up", "x", 1),
    "basis.down": ("basis charge: forward shock down", "x", -1),
    "basis.add": ("basis charge: part of the loss at once", "%", 1),
    "basis.mult": ("basis charge: part of the loss for each year", "%", 1),
    "maintenance_factor": ("maintenance as a part of initial margin", "%", 1),
    "haircuts": ("collateral haircut", "%", 1),
    "box.move": ("price range of the box", "%", 1),
    "box.vol_down": ("volatility range of the box, down", "%", 1),
    "box.vol_up": ("volatility range of the box, up", "%", 1),
    "grid.spot_cells": ("cells of the check on each side, price", "n", 0),
    "grid.vol_cells": ("cells of the check on each side, volatility", "n", 0),
    "tolerance": ("error of the expansion up to which it is kept", "%", 0),
    "delta_rate": ("charge on net delta", "%", 1),
    "prbm": ("pack of the scan that it is compared with", "n", 0),
    # Derive, portfolio margin
    "margin.im_factor": ("factor on the scenario loss, initial", "n", 1),
    "margin.mm_factor": ("factor on the scenario loss, maintenance", "n", 1),
    "margin.long_base_static_discount": ("static discount on expiries worth something", "n", -1),
    "margin.base_static_discount": ("static discount on expiries worth something", "n", -1),
    "margin.short_base_static_discount": ("static discount on expiries that are owed", "n", 0),
    "margin.long_rate_mult": ("discount rate on what is worth something: multiple of the rate", "n", 0),
    "margin.long_rate_add": ("discount rate on what is worth something: added", "%", 0),
    "margin.short_rate_mult": ("discount rate on what is owed: multiple of the rate", "n", 0),
    "margin.short_rate_add": ("discount rate on what is owed: added", "%", 0),
    "margin.rate_mult": ("discount rate: multiple of the rate", "n", 0),
    "margin.rate_add": ("discount rate: added", "%", 0),
    "vol_shock.range_up": ("volatility shock up at 30 days", "%", 1),
    "vol_shock.range_down": ("volatility shock down at 30 days", "%", 1),
    "vol_shock.short_term_power": ("power of the volatility shock in time, up to 30 days", "n", 0),
    "vol_shock.long_term_power": ("power of the volatility shock in time, beyond 30 days", "n", 0),
    "vol_shock.dte_floor_days": ("shortest tenor that volatility shocks know", "d", 0),
    "vol_shock.min_vol_up_shock": ("least volatility after a shock up", "%", 1),
    "basis.spot_up": ("basis contingency: forward shock up", "x", 1),
    "basis.spot_down": ("basis contingency: forward shock down", "x", -1),
    "basis.add_factor": ("basis contingency: part of the loss at once", "%", 1),
    "basis.mult_factor": ("basis contingency: part of the loss for each year", "%", 1),
    "other.peg_loss_threshold": ("stable coin price below which the factor grows", "$", 1),
    "other.peg_loss_factor": ("growth of the factor for each dollar below the peg", "n", 1),
    "other.conf_threshold": ("price confidence below which a charge is due", "%", 1),
    "other.conf_margin": ("charge for prices of no confidence", "%", 1),
    "other.mm_perp_pct": ("perpetual contingency, maintenance", "%", 1),
    "other.im_perp_pct": ("perpetual contingency, added for initial", "%", 1),
    "other.mm_option_pct": ("naked short options, maintenance", "%", 1),
    "other.im_option_pct": ("naked short options, added for initial", "%", 1),
    "other.base_pct": ("contingency on the coin held", "%", 1),
    "other.perp_pct": ("perpetual contingency", "%", 1),
    "other.option_pct": ("naked short options", "%", 1),
    "skew.linear_base_cap": ("linear tilt of the smile: cap at once", "%", 0),
    "skew.abs_base_cap": ("absolute tilt of the smile: cap at once", "%", 0),
    "skew.linear_c_base": ("linear tilt of the smile: growth of the cap with the root of time", "n", 0),
    "skew.abs_c_base": ("absolute tilt of the smile: growth of the cap with the root of time", "n", 0),
    "skew.min_k_star": ("tilt of the smile: least moneyness of the cap", "n", 0),
    "skew.width_scale": ("tilt of the smile: width", "n", 0),
    "skew.vol_param_static": ("tilt of the smile: volatility of the width at once", "n", 0),
    "skew.vol_param_scale": ("tilt of the smile: growth of that volatility with the root of time", "n", 0),
    "risk_cancelling": ("moves with the scenarios", "n", 0),
    "mm_haircut": ("haircut", "%", 1),
    "im_haircut_extra": ("haircut added for initial", "%", 1),
    "scenarios": ("scenario table", "n", 0),
    "cash": ("settlement currency", "n", 0),
    "max_positions": ("most positions", "n", 0),
    "max_expiries": ("most expiries", "n", 0),
    # Derive, standard margin
    "perp.mm_req": ("maintenance rate", "%", 1),
    "perp.im_req": ("initial rate", "%", 1),
    "max_spot_req": ("short option at the money, initial", "%", 1),
    "min_spot_req": ("short option far out of the money, initial", "%", 1),
    "mm_call_spot_req": ("short call, maintenance", "%", 1),
    "mm_put_spot_req": ("short put, maintenance", "%", 1),
    "mm_put_mtm_req": ("short put, maintenance on its value", "%", 1),
    "unpaired_im_scale": ("unpaired short calls, initial", "n", 1),
    "unpaired_mm_scale": ("unpaired short calls, maintenance", "n", 1),
    "mm_offset_scale": ("least maintenance against the settlement loss", "n", 1),
    "perp_threshold": ("confidence below which perpetuals are charged", "%", 1),
    "option_threshold": ("confidence below which options are charged", "%", 1),
    "base_threshold": ("confidence below which coins are charged", "%", 1),
    "oracle.factor": ("charge for prices of no confidence", "%", 1),
    "depeg.threshold": ("stable coin price below which a charge is due", "$", 1),
    "depeg.factor": ("charge for each dollar below the peg", "n", 1),
    "base.margin_factor": ("part of its value that counts", "%", -1),
    "base.im_scale": ("of that for initial margin", "%", -1),
    "contracts": ("contracts listed", "n", 0),
    # tiers
    "upto": ("size where the tier ends", "n", -1),
    "tiers.maintenance": ("maintenance rate of the tier", "%", 1),
    "tiers.initial": ("least initial rate of the tier", "%", 1),
    "tiers.deduction": ("deducted from the maintenance margin in the tier", "n", -1),
    "counting": ("how tiers count a position", "n", 0),
    "default_leverage": ("leverage where none was chosen", "n", -1),
    # liquidation
    "auction.start_pct": ("auction: starting price", "%", 0),
    "auction.fast_cutoff_pct": ("auction: price at the end of the fast phase", "%", 0),
    "auction.fast_seconds": ("auction: fast phase", "s", 0),
    "auction.slow_seconds": ("auction: slow phase", "s", 0),
    "auction.insolvent_seconds": ("auction: insolvent phase", "s", 0),
    "auction.fee_rate": ("auction: fee at the start", "%", 0),
    "auction.buffer_pct": ("auction: kept on top of maintenance", "%", 0),
    "auction.whole_below": ("auction: value below which an account goes whole", "$", 0),
    "liquidation.trigger": ("liquidation: maintenance over balance at which it starts", "n", 0),
    "liquidation.rounds_per_second": ("liquidation: rounds per second", "n", 0),
    "liquidation.margin_call": ("liquidation: asks for money first", "n", 0),
    "liquidation.user_locked": ("liquidation: the holder is locked out", "n", 0),
    "liquidation.steps": ("liquidation: steps", "n", 0),
    "future": ("liquidation fee of futures", "%", 0),
    "option": ("liquidation fee of options", "%", 0),
    # Deribit
    "inverse.initial": ("initial rate", "%", 1),
    "inverse.maintenance": ("maintenance rate", "%", 1),
    "inverse.slope": ("rate added for each coin", "%", 1),
    "linear.initial": ("initial rate", "%", 1),
    "linear.maintenance": ("maintenance rate", "%", 1),
    "linear.slope": ("rate added for each coin", "%", 1),
    "options.initial": ("short option at the money, initial", "%", 1),
    "options.initial_floor": ("short option far out of the money, initial", "%", 1),
    "options.maintenance": ("short option, maintenance", "%", 1),
    "options.put_mark_rate": ("short put, maintenance on its mark", "%", 1),
    "maintenance_share": ("second reading of the maintenance of futures, part of initial", "%", 1),
    "price_range": ("price range of the matrix", "%", 1),
    "volatility_range_up": ("volatility shock up at 30 days", "%", 1),
    "volatility_range_down": ("volatility shock down at 30 days", "%", 1),
    "short_term_vega_power": ("power of the volatility shock in time, up to 30 days", "n", 0),
    "long_term_vega_power": ("power of the volatility shock in time, beyond 30 days", "n", 0),
    "min_volatility_for_shock_up": ("least volatility from which a shock up starts", "%", 1),
    "extended_table_factor": ("factor on the far moves", "n", 1),
    "m_inc": ("rate added for each coin", "%", 1),
    "delta_total_liq_shock_threshold": ("delta from which the delta shock grows", "$", -1),
    "max_delta_shock": ("largest delta shock", "%", 1),
    "extended_dampener": ("amount taken off far losses", "$", -1),
    "annualised_move_risk": ("roll shock for each year", "%", 1),
    "min_annualised_move": ("least roll shock", "%", 1),
    "pnl_offset": ("part of gains that offsets losses", "%", -1),
    "max_offsetable_pnl": ("most of the gains that offset losses", "$", -1),
    "haircut": ("collateral haircut", "%", 1),
    "equity_side_impact": ("side on which equity enters the matrix", "n", 0),
    "correlation_set": ("in a correlation set", "n", 0),
    "mm_factor": ("maintenance as a part of the risk matrix", "%", 1),
    "buckets_count": ("price buckets on each side", "n", 0),
    "vol_scenarios_count": ("volatility columns", "n", 0),
    "extended_moves": ("far moves", "x1", 0),
    "futures.rate": ("contingency", "%", 1),
    "futures.of": ("positions that carry the contingency", "n", 0),
    "coin_per_option": ("contingency in coin for each one net short", "n", 1),
    "near_range": ("distance from the index within which a strike counts less", "%", 0),
    "rolled": ("long strikes stand for short ones further out", "n", 0),
    "initial_factor": ("initial margin over maintenance", "x", 1),
    "open_orders": ("initial margin of open orders", "n", 0),
}

SUBJECTS = {
    "futures": "futures",
    "inverse": "inverse",
    "linear": "linear",
    "perp": "perpetual",
    "option": "options",
    "oracle": "oracle",
    "base": "as collateral",
    "defaults": "defaults",
    "inverse_options": "inverse options",
    "linear_options": "linear options",
    "perpetual_options": "perpetual options",
    "collaterals": "collateral",
    "fees": "",
    "depeg": "stable coin",
}
"""Words for what a path passes through; what is not here and is no asset is left out."""

_QUIET = {"pairs", "currencies", "markets", "underlyings", "parameters", "liquidation", "margin", "vol_shock", "other"}
_QUIET |= {"box", "grid", "skew", "auction", "basis", "min_delta", "haircuts", "period"}


def entry(path: str) -> tuple[str, str, int] | None:
    """The words, unit and sign of the longest suffix of `path` that is known; an asset of a table counts as it, and so
    does a row of a list."""
    steps = path.split(".")
    if len(steps) > 2 and steps[-2].isdigit():
        steps = [*steps[:-2], steps[-1]]
    words = WORDS | venue_words()
    for tail in (steps, steps[:-1] if len(steps) > 1 and steps[-2] == "haircuts" else []):
        for start in range(len(tail)):
            found = words.get(".".join(tail[start:]))
            if found is not None:
                return found
            if tail[start].endswith("_options"):
                found = words.get(".".join(["options", *tail[start + 1 :]]))
                if found is not None:
                    return found
    return None


def subject(path: str) -> str:
    """Whose number it is: `BTC linear futures`, `ETH perpetual`; empty for the rules as a whole."""
    steps = path.split(".")
    own = steps if len(steps) > 1 and steps[-2] == "haircuts" else steps[:-1]
    words = []
    for step in own:
        if step in _QUIET or step.isdigit():
            continue
        word = SUBJECTS.get(step, step)
        if word:
            words.append(word)
    # a market comes before what trades there: `futures BTC inverse` reads `BTC inverse futures`
    if words[:1] == ["futures"]:
        words = [*words[1:], "futures"]
    return " ".join(words)


def words_for(path: str, parameters: type[BaseModel] | None = None) -> str:
    """What the number at `path` is called; else its own name with the first sentence about its part of the schema."""
    found = entry(path)
    if found is not None:
        return found[0]
    name = path.rsplit(".", 1)[-1].replace("_", " ")
    about = None if parameters is None else described(parameters, path)
    return f"{name} ({about})" if about else name


def described(parameters: type[BaseModel], path: str) -> str:
    """The first sentence of the docstring of the part of `parameters` that holds `path`; empty if there is none."""
    here: list[type[BaseModel]] = [parameters]
    annotation: Any = None
    for step in path.split("."):
        fields = [m.model_fields[step].annotation for m in here if step in m.model_fields]
        if fields:
            holder = here[0]
            annotation = fields[0]
        elif annotation is None:
            return ""
        else:
            holder = here[0] if here else parameters
        here = _parts(annotation) or here
        last = holder
    text = inspect.getdoc(last) or ""
    return text.split("\n\n")[0].replace("\n", " ").partition(". ")[0].partition(": ")[0].rstrip(".:")


def _parts(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for a in get_args(annotation) for m in _parts(a)]


def shown(value: Any, unit: str) -> str:
    """A value in its unit.

    >>> shown(0.16, "%"), shown(1.05, "x"), shown(200000.0, "$"), shown(None, "%"), shown(True, "n")
    ('16 %', '+5 %', '200,000 USD', 'none', 'yes')
    """
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(shown(v, "+%" if unit == "x1" else unit) for v in value) or "none"
    if not isinstance(value, (int, float)):
        return str(value)
    if unit == "%":
        return f"{100 * value:.6g} %"
    if unit == "+%":
        return f"{100 * value:+.6g} %"
    if unit == "x":
        return f"{100 * (value - 1):+.6g} %"
    name = {"$": " USD", "d": " days", "s": " s"}.get(unit, "")
    return f"{value:,.10g}{name}"
