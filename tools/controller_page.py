"""The page of `tools/measure_controller.py` from its results: every sentence with a number follows from them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from plimsoll.control.intervals import Difference, paired, periods_of
from plimsoll.control.policies import shipped
from plimsoll.control.projection import HOUR_NS
from plimsoll.control.terms import STABILITY, TERMS, ControlTerms
from plimsoll.control.tracks import Storm
from plimsoll.report.controller_figure import WORDS, controller_frontier, controller_storm

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Found = dict[str, dict[str, Any]]

SINCE = "2022-01-01T00:00:00Z"
HISTORIES = {
    "BTC": ("binance_spot_2h_BTC_2017_2023.parquet", "BTC"),
    "ETH": ("binance_spot_1h_BTC_ETH_SOL_2021_2023.parquet", "ETHUSDT"),
    "SOL": ("binance_spot_1h_BTC_ETH_SOL_2021_2023.parquet", "SOLUSDT"),
}
NAMES = ("coverage", "static", "rule", "pid", "search", "network")
BASE, LEARNED, SHOWN = "rule", ("search", "network"), "BTC"
IN_STORM = (BASE, LEARNED[0])
FEW = 20
STILL = 0.75
"""A rate that is as often within 5 % of its median is called nearly constant."""
ELASTICITIES = (0.0, 0.3, 1.2)
RUNS = {coin: f"{coin} in one run" for coin in HISTORIES}
WIDTH = 150


def page(found: Found) -> str:
    """The page as text. Raises SystemExit where a policy or the terms that ship were not measured."""
    _fresh(found)
    there = [n for n in NAMES if n in found]
    parts = [_head(found), _answer(found, there), *_drawn(found, there), *_recorded(found, there)]
    parts += [*_runs(found, there), *_storm(), *_bounds(found, there), *_elasticity(found), *_policies(there)]
    # numbers of a page have a space before their per cent sign
    return re.sub(r"(\d)%", r"\1 %", "\n".join(parts)) + "\n"


def frontiers(found: Found) -> dict[str, Figure]:
    """What margin costs against what its lack costs: drawn episodes, and the histories in one run, their mean."""
    there = [n for n in NAMES if n in found]
    drawn = {n: [found[n]["drawn"]["terms"][t] for t in TERMS] for n in there}
    runs = {
        n: np.mean([[found[n][r]["terms"][t] for t in TERMS] for r in RUNS.values()], axis=0).tolist() for n in there
    }
    return {
        "frontier-drawn": controller_frontier(drawn, f"{len(found[BASE]['drawn']['costs'])} drawn episodes"),
        "frontier": controller_frontier(runs, f"{', '.join(RUNS)} from 2022, in one run each, mean"),
    }


def storm_figure(found: Found) -> Figure:
    """The worst three days of the history that is shown, under the rule and the search."""
    one = found[BASE]["storm"]
    rows = {n: found[n]["storm"] for n in IN_STORM}
    by = {w: {n: np.array(rows[n][w]) for n in IN_STORM} for w in ("rate", "called", "uncovered")}
    start = one["start"] + one["first"] * round(one["step_hours"] * HOUR_NS)
    words = f"{SHOWN}, 20 days from {np.datetime64(start, 'ns').astype('datetime64[D]')}"
    price, needed = np.array(one["price"]), np.array(one["needed"])
    cut = Storm(SHOWN, one["first"], one["step_hours"], price, needed, by["rate"], by["called"], by["uncovered"])
    return controller_storm(cut, words)


def apart(found: Found, name: str, kinds: list[str]) -> Difference:
    """A policy less the rule on sets or runs together."""
    terms = ControlTerms()
    span = round(terms.step_hours * HOUR_NS) * terms.steps
    costs = [np.array(found[name][k]["costs"]) - np.array(found[BASE][k]["costs"]) for k in kinds]
    starts = [s for k in kinds for s in _starts(found[BASE][k], span)]
    return paired(name, BASE, np.concatenate(costs), periods_of(starts, span))


def _starts(rows: dict[str, Any], span: int) -> list[int | None]:
    first = rows["start"]
    return [None if first is None else first + k * span for k in range(len(rows["costs"]))]


def _fresh(found: Found) -> None:
    terms = ControlTerms().hash()
    stale = {n for n in NAMES if n in found and (found[n]["hash"], found[n]["terms"]) != (shipped(n).hash(), terms)}
    stale |= {n for n in NAMES if n in found and not {"drawn", *HISTORIES, *RUNS.values()} <= found[n].keys()}
    stale |= {n for n in ("elasticity", "bounds") if n in found and found[n].get("terms") != terms}
    for rows in _varied(found).values() if "elasticity" not in stale else ():
        stale |= {f"elasticity of {n}" for n, r in rows.items() if r["hash"] != shipped(n).hash()}
    if BASE not in found or stale:
        names = ", ".join(sorted(stale)) or BASE
        raise SystemExit(f"not measured with the policies and the terms that ship: {names}")


def _wrapped(*sentences: str) -> str:
    return fill(" ".join(s for s in sentences if s), WIDTH)


def _head(found: Found) -> str:
    t = ControlTerms()
    first = _wrapped(
        f"Frozen policies in the laboratory's venue of {t.agents.accounts:,} accounts, by `python",
        "tools/measure_controller.py`; what they are and how they were trained says [the page on",
        "controllers](../controller.md). Costs in basis points a year of the open interest at the reference rate.",
        "Behaviour of the accounts and the operator's prices are assumed: what is compared are policies within one",
        "simulated world, not worlds. ETH and SOL are their prices in this same venue, on the depth of BTC.",
    )
    how = _wrapped(
        "Policies meet the same prices and people, so differences are paired. An interval is of 95 %. Drawn episodes",
        "are independent and resampled one by one. Recorded ones are not: coins share their days, and a storm goes on",
        "into the next episode; all coins of the same 20 days stay together and are resampled in blocks of three",
        f"neighbours, which leaves {apart(found, BASE, list(HISTORIES)).blocks} independent pieces. An interval holds",
        "the storms that were run and no others, and of many comparisons at 95 % some are wrong: what is consistent",
        "over the sets counts.",
    )
    return "\n".join(["# Does a learned margin rate pay?", "", first, "", how, ""])


def _answer(found: Found, there: list[str]) -> str:
    lines = ["## The answer", ""]
    sets = {
        "drawn episodes": ["drawn"],
        "recorded episodes": list(HISTORIES),
        "histories in one run": list(RUNS.values()),
    }
    for name in (n for n in LEARNED if n in there):
        rows = {words: apart(found, name, kinds) for words, kinds in sets.items()}
        told = "; ".join(f"{w} {d.mean:+,.0f} ({d.low:+,.0f} to {d.high:+,.0f})" for w, d in rows.items())
        verdicts: dict[str, list[str]] = {}
        for w, d in rows.items():
            verdicts.setdefault(_named(d.verdict), []).append(w)
        if len(verdicts) == 1:
            words = f"{next(iter(verdicts))} on every kind of held-out course"
        else:
            words = ", ".join(f"{v} on {' and on '.join(on)}" for v, on in verdicts.items())
        lines.append(f"- **{name}** {words}: {told}.")
    return "\n".join([*lines, "", _wrapped(_early(found), _constant(found), _turns(found), _effort(there)), ""])


def _turns(found: Found) -> str:
    """Whether the main learner's verdict holds for other traders."""
    name, rows = LEARNED[0], _varied(found)
    if name not in next(iter(rows.values()), {}):
        return ""
    verdicts: dict[str, list[str]] = {}
    for value, by in rows.items():
        d = paired(name, BASE, np.array(by[name]["costs"]) - np.array(by[BASE]["costs"]), None)
        verdicts.setdefault(_named(d.verdict), []).append(value)
    told = ", ".join(f"{v} at {' and '.join(at)}" for v, at in verdicts.items())
    if len(verdicts) == 1:
        return f"With other elasticities of volume than that of the training the {name} {told}."
    words = (
        f"The verdict on the {name} turns with the elasticity of volume, which nobody has measured: on drawn episodes"
    )
    return f"{words} it {told}."


def _varied(found: Found) -> Found:
    return {v: by for v, by in found.get("elasticity", {}).items() if v != "terms"}


def _early(found: Found) -> str:
    rows = [found[BASE][k] for k in HISTORIES]
    total = sum(r["terms"]["bad_debt"] * len(r["costs"]) for r in rows)
    early = sum(r["early"] * len(r["costs"]) for r in rows)
    if not total:
        return ""
    words = f"Every episode begins at what the bounds need, whatever the policy: {early / total:.0%} of the rule's bad"
    words += " debt in"
    words += " recorded episodes fell in their first five days, while it climbed to its own rate."
    return words + " In one run through a history there is no such beginning, which makes it the fairer comparison."


def _constant(found: Found) -> str:
    near = {coin: found[BASE][kind]["near"] for coin, kind in RUNS.items()}
    shares = ", ".join(f"{share:.0%} of {coin}'s steps" for coin, share in near.items())
    told = f"within 5 % of its median in {shares}"
    still = [coin for coin, share in near.items() if share >= STILL]
    if len(still) == len(near):
        words = f"The tuned rule is nearly a constant rate, {told}: what beats it beats a well chosen number."
        return words + _level(found)
    if still:
        return f"The tuned rule is nearly a constant rate on {' and '.join(still)}: it was {told}."
    return f"The tuned rule moves with the market: it was {told}."


def _level(found: Found) -> str:
    """Whether one level, tuned by itself, costs what the rule does, to the basis point on every set."""
    kinds = [k for k, r in found[BASE].items() if isinstance(r, dict) and "costs" in r and k in found.get("static", {})]
    apart = [abs(float(np.mean(found["static"][k]["costs"]) - np.mean(found[BASE][k]["costs"]))) for k in kinds]
    return (
        " One level, tuned by itself, costs the same to the basis point on every set."
        if max(apart, default=1.0) < 0.5
        else ""
    )


def _seen(name: str) -> int:
    """Episodes that a policy's training ran."""
    t = shipped(name).trained
    if "candidates" in t:
        return int(t["candidates"]) * int(t["batch"])
    return int(t["steps"]) // ControlTerms().steps if "steps" in t else 0


def _effort(there: list[str]) -> str:
    searched = {n: _seen(n) for n in there if "candidates" in shipped(n).trained}
    few, many = min(searched.values()), max(searched.values())
    if many == few:
        words = f"The searches had equal effort, {few:,} episodes each"
    elif many <= 1.5 * few:
        words = f"The searches had about equal effort, {few:,} to {many:,} episodes each"
    else:
        words = "The searches had unequal effort ("
        words += ", ".join(f"{n} {k:,} episodes" for n, k in searched.items())
        words += "): one that had few may have found too little where there was more to find"
    if "network" in there:
        words += f"; the PPO run had {_seen('network'):,} episodes"
    return words + "."


def _named(verdict: str) -> str:
    return verdict.replace(BASE, "the tuned rule")


def _table(found: Found, there: list[str], kind: str) -> list[str]:
    head = ["policy", "cost", "capital", "calls", "lost volume", "bad debt", "of it early", "impact", "forced closes"]
    head += ["rate changes", "stability", "mean rate", "steepest day"]
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    for name in there:
        d = found[name][kind]
        by = d["terms"]
        costs = [d["cost"], by["capital"], by["calls"], by["volume"], by["bad_debt"], d["early"]]
        costs += [*(by[t] for t in STABILITY), d["stability"]]
        cells = [name, *(f"{c:,.0f}" for c in costs), f"{d['rate']:.1%}", f"{d['steepest']:.0%}"]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _verdicts(found: Found, there: list[str], kinds: list[str]) -> Iterator[str]:
    for name in there:
        if name == BASE:
            continue
        d = apart(found, name, kinds)
        weights = [len(found[BASE][k]["costs"]) for k in kinds]
        by = {
            t: float(
                np.average([found[name][k]["terms"][t] - found[BASE][k]["terms"][t] for k in kinds], weights=weights)
            )
            for t in TERMS
        }
        largest = sorted(by, key=lambda t: -abs(by[t]))[:2]
        why = " and ".join(f"{WORDS[t]} {by[t]:+,.0f}" for t in largest)
        told = f"{d.mean:+,.0f} ({d.low:+,.0f} to {d.high:+,.0f})"
        often = f"cheaper in {d.cheaper:.0%}, at worst {d.worst:+,.0f}"
        yield f"- **{name}** {_named(d.verdict)}: {told}; {why}; {often}."


def _drawn(found: Found, there: list[str]) -> list[str]:
    many = len(found[BASE]["drawn"]["costs"])
    lines = [f"## {many} drawn episodes, seeds that no training saw", "", *_table(found, there, "drawn"), ""]
    lines += [*_verdicts(found, there, ["drawn"]), ""]
    return [*lines, "![What margin costs against what its lack costs](../images/controller-frontier-drawn.png)", ""]


def _learned_from(there: list[str]) -> str:
    told = {str(h) for n in there for h in shipped(n).trained.get("histories") or ()}
    return f"Of recorded history the training saw {' and '.join(sorted(told)) or 'nothing'}, and no more."


def _recorded(found: Found, there: list[str]) -> list[str]:
    lines = ["## Recorded episodes from 2022 on", ""]
    lines += [_wrapped(_learned_from(there)), ""]
    for coin in HISTORIES:
        many = len(found[BASE][coin]["costs"])
        lines += [f"### {coin}: {many} episodes", "", *_table(found, there, coin), ""]
        lines += [*_verdicts(found, there, [coin]), ""]
    return [*lines, "### All three", "", *_verdicts(found, there, list(HISTORIES)), ""]


def _runs(found: Found, there: list[str]) -> list[str]:
    lines = [
        "## Through a whole history in one run",
        "",
        _wrapped(
            "How the rate in force went with the market, by the measures of the [rates room](rates.md): peak to",
            "trough and the largest rise over one, five and thirty days, of a constant position, and its mean above",
            "what the bounds needed. *Beyond* are moves over the margin period, either way, that were larger than the",
            "rate at its beginning, of periods that overlap; the bounds promise",
            f"{ControlTerms().bounds.level:.0%} a side. *Worst day* is the largest sum over 24 hours in basis points",
            "of the reference open interest: called for, closed by force (an account that trades again may be closed",
            "again), and paid by others than the owner.",
        ),
        "",
    ]
    head = ["policy", "cost", "mean rate", "above bounds", "peak to trough", "1 day", "5 days", "30 days", "beyond"]
    head += ["largest shortfall", "worst day: called", "closed", "unpaid"]
    for coin, kind in RUNS.items():
        lines += [f"### {coin}: {found[BASE][kind]['steps']:,} steps", ""]
        lines += ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
        for name in there:
            d = found[name][kind]
            cells = [
                name,
                f"{d['cost']:,.0f}",
                f"{d['rate']:.1%}",
                f"{d['over_needed']:+.0%}",
                f"{d['peak_to_trough']:.1f}",
            ]
            cells += [f"{d['rises'][n]:.0%}" for n in ("1", "5", "30")]
            cells += [f"{d['exceptions']} ({1.0 - d['coverage']:.2%})", f"{d['largest_shortfall']:.1%}"]
            cells += [f"{d['worst_day'][w]:,.0f}" for w in ("called", "forced", "uncovered")]
            lines.append("| " + " | ".join(cells) + " |")
        lines += ["", *_verdicts(found, there, [kind]), ""]
    lines += ["### All three", "", *_verdicts(found, there, list(RUNS.values())), "", _procyclical(found), ""]
    return [*lines, "![What margin costs against what its lack costs](../images/controller-frontier.png)", ""]


def _procyclical(found: Found) -> str:
    told = []
    for name in (n for n in LEARNED if n in found):
        ratio = [found[name][r]["peak_to_trough"] / found[BASE][r]["peak_to_trough"] for r in RUNS.values()]
        steeper = sum(found[name][r]["rises"]["1"] > found[BASE][r]["rises"]["1"] for r in RUNS.values())
        words = f"{name}: peak to trough {min(ratio):.1f} to {max(ratio):.1f} times the rule's"
        told.append(f"{words}, a steeper worst day in {steeper} of {len(RUNS)} histories")
    return (
        _wrapped("What a moving rate asks of those who follow it, beside the costs: " + "; ".join(told) + ".")
        if told
        else ""
    )


def _storm() -> list[str]:
    return [
        "## The worst three days",
        "",
        _wrapped(
            f"Of {SHOWN}'s run: the price, the rate in force of the rule and of the search over what the bounds need,",
            "and what was called for and left unpaid.",
        ),
        "",
        "![Price, rates and calls through the worst three days](../images/controller-storm.png)",
        "",
    ]


def _bounds(found: Found, there: list[str]) -> list[str]:
    rows = [found[n][k] for n in there for k in ("drawn", *HISTORIES, *RUNS.values())]
    rows += [r for by in _varied(found).values() for r in by.values()]
    steps, broken = sum(r["steps"] for r in rows), sum(r["violations"] for r in rows)
    told = (
        f"{broken} bounds were broken in the {steps:,} steps of the venue on this page, {len(there)} policies together"
    )
    if "bounds" in found:
        wild = found["bounds"]
        told += f", and {wild['violations']} in {wild['steps']:,} steps of the projection under wild actions"
    looked = "floor, cap, speed, notice and coverage, looked at from the rates alone by code of its own."
    return ["## Bounds", "", _wrapped(f"{told}: {looked}"), ""]


def _elasticity(found: Found) -> list[str]:
    if "elasticity" not in found:
        return []
    agents = ControlTerms().agents
    rows = _varied(found)
    names = [n for n in NAMES if n in next(iter(rows.values()))]
    words = (
        f"The frozen policies on {FEW} of the drawn episodes where volume answers the rate with another elasticity than"
    )
    words += (
        f" the {agents.elasticity:g} of their training: cost, and below it how far the learned ones are from the rule."
    )
    lines = ["## Other traders", "", _wrapped(words), ""]
    lines += ["| elasticity | " + " | ".join(names) + " |", "| --- |" + " ---: |" * len(names)]
    trained = {n: {"cost": float(np.mean(found[n]["drawn"]["costs"][:FEW]))} for n in names if n in found}
    shown = dict(sorted((rows | {f"{agents.elasticity:g}": trained}).items(), key=lambda r: float(r[0])))
    for value, by in shown.items():
        lines.append("| " + " | ".join([value, *(f"{by[n]['cost']:,.0f}" for n in names)]) + " |")
    lines.append("")
    for name in (n for n in LEARNED if n in names):
        told = []
        for value, by in rows.items():
            d = paired(name, BASE, np.array(by[name]["costs"]) - np.array(by[BASE]["costs"]), None)
            told.append(f"at {value} {_named(d.verdict)}, {d.mean:+,.0f} ({d.low:+,.0f} to {d.high:+,.0f})")
        lines.append(f"- **{name}**: {'; '.join(told)}.")
    return [*lines, ""]


def _policies(there: list[str]) -> list[str]:
    return ["## Policies", "", *(f"- {n}: `{shipped(n).hash()}`, {_story(n)}" for n in there)]


def _story(name: str) -> str:
    t = shipped(name).trained
    if not t:
        return "the bounds alone, nothing trained"
    effort = f"{t['candidates']} candidates of {t['batch']} episodes" if "candidates" in t else f"{t['steps']:,} steps"
    return f"{t.get('by', 'CMA-ES')}, {effort}, seed {t['seed']}"
