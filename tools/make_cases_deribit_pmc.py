"""Write what is published of Deribit's portfolio margin before 2024 as `plimsoll.case` documents.

    python tools/make_cases_deribit_pmc.py [--check]

Contingencies worked by the venue on its page and in its deck, and a future worked by a clone of the rule. What a source
does not print (expiry, volatilities, prices) is made up and takes no part in the number that is expected. Nothing here
calls a margin model. With --check nothing is written and a stale file fails.
"""

from __future__ import annotations

import sys

from case_files import keep
from make_cases_deribit import SPEC, Doc, Expected, case, delta_one, inverse_leg, option

PAGE = "deribit.com/pages/docs/portfoliomargin, example"
DECK = "example of the venue's deck on portfolio margin before 2024, as a third-party test tells it"
CLONE = f"{SPEC} 1.5: wiki.dederi.io portfolio margin, example of futures"


def june_after(time: str) -> int:
    """The year of the first 28 June after an instant."""
    return int(time[:4]) + (time[5:10] >= "06-28")


def strikes(time: str, index: float, rows: list[tuple[float, bool, float]]) -> tuple[list[tuple[Doc, Doc, float]], Doc]:
    """Legs of one expiry from `(strike, call, coins)`, and that expiry."""
    year = june_after(time)
    expiry, day = f"{year}-06-28T08:00:00Z", f"28JUN{year % 100}"
    names = [f"BTC-{day}-{strike:.0f}-{'C' if call else 'P'}" for strike, call, _ in rows]
    legs = [(option(n, "BTC", k, c, expiry), {"vol": 0.6}, q) for n, (k, c, q) in zip(names, rows, strict=True)]
    return legs, {"underlying": "BTC", "expiry": expiry, "forward": {"variable": index}}


def clone_rules() -> Doc:
    """The terms of the clone that its example rests on; the others take no part in a book of futures."""
    matrix = {"price_range": 0.15, "volatility_range_up": 0.45, "volatility_range_down": 0.3}
    matrix |= {"short_term_vega_power": 0.3, "long_term_vega_power": 0.13}
    parameters: Doc = {"underlyings": {"ETH": matrix}, "futures": {"rate": 0.006, "of": "all"}}
    parameters["options"] = {"coin_per_option": 0.01, "near_range": 0.1, "rolled": True}
    parameters |= {"buckets_count": 5, "initial_factor": 1.2, "open_orders": "none"}
    liquidation = {"trigger": 1.0, "rounds_per_second": 1.0, "margin_call": False, "user_locked": True}
    parameters["liquidation"] = {**liquidation, "steps": ["reduce_positions"], "fees": {}}
    head = {"schema": "plimsoll.rules", "schema_version": 1, "name": "dederi-pm", "model": "deribit-pm-contingency"}
    head |= {"title": "A clone of Deribit's portfolio margin", "effective": "2023-12-01", "currency": "coin"}
    return {**head, "decimals": 9, "evidence": {"*": "assumed"}, "parameters": parameters}


PAGE_DAY, PAGE_RULES = "2019-06-01T00:00:00Z", "deribit-pm@2019-06-01"
DECK_DAY, DECK_RULES = "2023-09-01T00:00:00Z", "deribit-pm@2023-09-01"
"""The deck speaks of the rules until October 2023; those of its days that have packs of their own are carried back."""


def short_options() -> list[Doc]:
    """Ten calls and minus twenty puts at one strike; and six strikes above an index of 10,000, one of them near it."""
    net = [(12_000.0, True, 10.0), (12_000.0, False, -20.0)]
    rolled = [(10_500.0, True, 40.0), (10_500.0, False, 160.0), (12_000.0, True, -90.0), (12_000.0, False, 40.0)]
    rolled += [(14_000.0, False, -60.0), (15_000.0, True, -200.0), (16_000.0, True, 100.0), (18_000.0, True, -10.0)]
    found = []
    for name, title, source, time, rules, rows, amount in (
        ("pmc-page-options", "Net short at one strike", PAGE, PAGE_DAY, PAGE_RULES, net, 0.1),
        ("pmc-deck-options", "Strikes above the index walked upwards", DECK, DECK_DAY, DECK_RULES, rolled, 2.1),
    ):
        legs, row = strikes(time, 10_000.0, rows)
        expected: Expected = {"currency": "BTC", "components.options_contingency.maintenance": amount}
        words = f"{source}; expiry and volatilities are not printed and take no part in the contingency"
        found.append(case(name, title, words, rules, time, {"BTC": 10_000.0}, legs, expected, expiries=[row]))
    return found


def futures() -> list[Doc]:
    """A hundred coins long in one future and short in another under the older rule, one coin each under the later."""
    found = []
    for name, title, source, time, rules, coins, amount in (
        ("pmc-page-futures", "Futures that offset each other", PAGE, PAGE_DAY, PAGE_RULES, 100.0, 1.0),
        ("pmc-deck-futures", "Futures by their size, long and short", DECK, DECK_DAY, DECK_RULES, 1.0, 0.012),
    ):
        near = inverse_leg("BTC-PERPETUAL", "BTC", coins, 10_000.0)
        year = june_after(time)
        far = inverse_leg(f"BTC-28JUN{year % 100}", "BTC", -coins, 10_200.0, f"{year}-06-28T08:00:00Z")
        expected: Expected = {"currency": "BTC", "components.futures_contingency.maintenance": amount}
        words = f"{source}; prices are not printed and take no part in the contingency"
        found.append(case(name, title, words, rules, time, {"BTC": 10_000.0}, [near, far], expected))
    return found


def clone() -> Doc:
    """Ten linear futures at 2253.2 over an index of 2243.3, twenty days before they expire."""
    future = delta_one("ETH-10JAN24", "ETH", "linear", "2024-01-10T08:00:00Z")
    losses = ["-3380", "-2704", "-2028", "-1352", "-676", "0", "676", "1352", "2028", "2704", "3380"]
    cells: Expected = {f"scenarios.{3 * i + v}.pnl": n for i, n in enumerate(losses) for v in range(3)}
    cells |= {"currency": "USDC", "workings.futures_contingency": "134.6", "workings.worst_cell": "3380"}
    leg = (future, {"price": 2253.2}, 10.0)
    time, words = "2023-12-21T08:00:00Z", "Ten linear futures under a clone's rules: the table and the contingency"
    return case("pmc-clone-future", words, CLONE, clone_rules(), time, {"ETH": 2243.3}, [leg], cells)


def cases() -> list[Doc]:
    """All of them."""
    return [*short_options(), *futures(), clone()]


def main(arguments: list[str] | None = None) -> int:
    return keep(cases(), "make_cases_deribit_pmc.py", arguments, own=("deribit-pmc-",))


if __name__ == "__main__":
    sys.exit(main())
