"""Write the demonstration's market and account into `src/plimsoll/feeds/data`.

    python tools/make_demo_data.py            write both files
    python tools/make_demo_data.py --check    fail when they are not what this program would write

The market is `generated_market(seed=7, underlyings=("BTC",))` with option marks cut down to volatility and open
interest. The account is a strangle seller's book, given below in standard deviations from the forward.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from plimsoll.contracts import Future, Option, Perpetual
from plimsoll.feeds import generated_market
from plimsoll.feeds.demo import ACCOUNT_FILE, MARKET_FILE
from plimsoll.margin import Account
from plimsoll.market import Market
from plimsoll.pricing import forward_delta
from plimsoll.risk import compile_plan
from plimsoll.scenarios import years_of

FOLDER = Path(__file__).resolve().parent.parent / "src" / "plimsoll" / "feeds" / "data"
SEED = 7

# (expiry in order of time, strike in standard deviations from the forward, call, quantity)
LEGS = (
    # tomorrow: a short strangle that decays over night
    (0, -1.2, False, -6.0),
    (0, 1.2, True, -6.0),
    # the first Friday: strangle
    (1, -1.0, False, -8.0),
    (1, 1.0, True, -8.0),
    # the second Friday: iron condor
    (2, -1.1, False, -10.0),
    (2, 1.1, True, -10.0),
    (2, -2.2, False, 10.0),
    (2, 2.2, True, 10.0),
    # a month: the core of the book, with wings on more than it has sold
    (3, -0.9, False, -12.0),
    (3, 0.9, True, -12.0),
    (3, -2.4, False, 15.0),
    (3, 2.4, True, 15.0),
    # calendar: the near straddle sold, the next one bought
    (3, 0.0, False, -4.0),
    (3, 0.0, True, -4.0),
    (4, 0.0, False, 5.0),
    (4, 0.0, True, 5.0),
    # a put spread, one by two
    (5, -0.6, False, 4.0),
    (5, -1.4, False, -8.0),
    (5, 1.2, True, -5.0),
    # a half-year risk reversal
    (6, 1.0, True, 5.0),
    (6, -1.0, False, -5.0),
    # long wings at the far end
    (7, -1.8, False, 8.0),
    (7, 1.8, True, 8.0),
)
FUTURE_EXPIRY = 5
FUTURE_SHARE = 0.4  # of the delta hedge, the rest is in the perpetual
RESIDUAL_COINS = 0.8  # delta that the seller leaves open
COLLATERAL = {"USDC": 155_000.0, "BTC": 1.25}


def make_market() -> Market:
    """The chain, with option prices left to the volatility."""
    full = generated_market(seed=SEED, underlyings=("BTC",))
    options = {c.name for c in full.instruments if isinstance(c, Option)}
    marks = {n: m.model_copy(update={"price": None}) if n in options else m for n, m in full.marks.items()}
    return Market.model_validate({**{f: getattr(full, f) for f in Market.model_fields}, "marks": marks})


def make_account(market: Market) -> Account:
    """The book of `LEGS`, hedged with a dated future and the perpetual."""
    quantity = {_nearest(market, *leg[:3]).name: leg[3] for leg in LEGS}
    if len(quantity) != len(LEGS):
        raise SystemExit("two legs fall on one strike")
    contracts = [market.contracts[name] for name in quantity]
    plan = compile_plan(contracts, market)
    group = plan.group
    unit = forward_delta(plan.forward[group], plan.strike, years_of(plan.seconds[group]), plan.vol, plan.call)
    delta = float(unit @ np.array(list(quantity.values())))
    rows: list[dict[str, Any]] = [{"instrument": n, "quantity": q} for n, q in quantity.items()]
    hedge = RESIDUAL_COINS - delta
    expiry = market.expiries[FUTURE_EXPIRY].expiry
    future = next(c for c in market.instruments if isinstance(c, Future) and c.expiry == expiry)
    perpetual = next(c for c in market.instruments if isinstance(c, Perpetual))
    hedges = ((future, FUTURE_SHARE, -0.021), (perpetual, 1.0 - FUTURE_SHARE, 0.006))
    for contract, share, moved in hedges:
        price = market.marks[contract.name].price or 0.0
        contracts_held = float(round(hedge * share * price / contract.multiplier))
        entry = round(price * (1.0 + moved), 1)
        rows.append({"instrument": contract.name, "quantity": contracts_held, "entry_price": entry})
    content = {
        "schema": Account.SCHEMA,
        "schema_version": Account.VERSION,
        "name": "demo: a strangle seller",
        "as_of": market.time,
        "positions": rows,
        "collateral": COLLATERAL,
    }
    return Account.from_dict(content, "demo account")


def _nearest(market: Market, expiry: int, distance: float, call: bool) -> Option:
    """The option of one expiry whose strike is nearest to `distance` standard deviations from the forward."""
    row = market.expiries[expiry]
    assert row.forward is not None
    assert row.svi is not None
    ladder = [c for c in market.instruments if isinstance(c, Option) and c.expiry == row.expiry and c.call == call]
    at_the_money = min(ladder, key=lambda c: abs(c.strike - row.forward.price))  # type: ignore[union-attr]
    spread = (market.marks[at_the_money.name].vol or 0.0) * np.sqrt(row.svi.tau)
    aim = row.forward.price * float(np.exp(distance * spread))
    return min(ladder, key=lambda c: (abs(c.strike - aim), c.strike))


def as_text(document: Market | Account) -> str:
    """JSON without nulls and defaults, one element of a list or table to a line."""
    content = document.to_dict() | document.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    def line(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)

    parts = []
    for key, value in content.items():
        if isinstance(value, list) and value:
            # the tag of a contract is a default, and needed to read it back
            body = ",\n".join("  " + line(_tagged(v)) for v in value)
            parts.append(f" {line(key)}: [\n{body}\n ]")
        elif isinstance(value, dict) and value:
            body = ",\n".join(f"  {line(k)}: {line(v)}" for k, v in value.items())
            parts.append(f" {line(key)}: {{\n{body}\n }}")
        else:
            parts.append(f" {line(key)}: {line(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _tagged(value: Any) -> Any:
    if "settlement" not in value:
        return value
    kind = "option" if "strike" in value else "future" if "expiry" in value else "perpetual"
    return {"kind": kind, **value}


def texts() -> dict[str, str]:
    """The content of each file."""
    market = make_market()
    account = make_account(market)
    found = {MARKET_FILE: as_text(market), ACCOUNT_FILE: as_text(account)}
    if Market.from_json(found[MARKET_FILE]) != market or Account.from_json(found[ACCOUNT_FILE]) != account:
        raise SystemExit("the short form does not read back as the same document")
    return found


def main(arguments: list[str]) -> int:
    """Write the files, or compare them with `--check`."""
    wrong = []
    for name, text in texts().items():
        path = FOLDER / name
        if "--check" in arguments:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                wrong.append(name)
        else:
            path.write_text(text, encoding="utf-8")
            print(f"{name}: {len(text.encode()):,} bytes")
    if wrong:
        print("not as tools/make_demo_data.py writes them: " + ", ".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
