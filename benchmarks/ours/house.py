"""The service under load, as a process of its own: `python -m benchmarks.ours.house PORT LEDGER ACCOUNTS POSITIONS`."""

from __future__ import annotations

import sys
from typing import Any

import plimsoll as pl
from plimsoll.feeds.generated import generated_market
from plimsoll.live import Engine
from plimsoll.live.fleet import sample_accounts
from plimsoll.margin import load_rules
from plimsoll.margin.catalogue import margin_model

SEED = 7
OPTIONS, SCENARIOS = 1_500, 300
TENANT = "load"


def market() -> pl.Market:
    """Two coins: all inverse options, and linear ones of Bitcoin until there are so many."""
    whole = generated_market(seed=SEED)
    linear = generated_market(seed=SEED, underlyings=("BTC",), settlement="linear")
    have = sum(c.kind == "option" for c in whole.instruments)
    more = [c for c in linear.instruments if c.kind == "option"][: OPTIONS - have]
    marks = {**whole.marks, **{c.name: linear.marks[c.name] for c in more}}
    return pl.Market.from_dict(
        whole.to_dict()
        | {
            "instruments": [c.model_dump(mode="json") for c in (*whole.instruments, *more)],
            "marks": {name: mark.model_dump(mode="json") for name, mark in marks.items()},
        }
    )


def rules() -> pl.Rules:
    """PRBM's parameters on a grid of 20 moves and 15 shocks of volatility."""
    pack = load_rules("prbm@2026-01-30").to_dict()
    moves = [round(-0.19 + 0.02 * k, 6) for k in range(20)]
    vols = [round(-0.28 + 0.05 * k, 6) for k in range(15)]
    grid = [{"move": m, "vol": v, "weight": 1.0} for m in moves for v in vols]
    return pl.Rules.from_dict(pack | {"parameters": {**pack["parameters"], "scenarios": grid}})


def engine(accounts: int, positions: int) -> Engine:
    """So many sample accounts."""
    found = market()
    return Engine(margin_model(rules()), found, sample_accounts(found, accounts, positions, seed=SEED))


def main(words: list[str]) -> int:
    """Serve until the input is closed; the first line of output is the token."""
    import threading

    from plimsoll.serve.app import create_app
    from plimsoll.serve.run import run, server_of
    from plimsoll.serve.state import Service, Tenant
    from plimsoll.serve.tokens import TokenFile

    port, ledger, accounts, positions = int(words[0]), words[1], int(words[2]), int(words[3])
    tenant = Tenant(TENANT, lambda: engine(accounts, positions), ledger=ledger)
    tokens = TokenFile(None)
    _, secret = tokens.create(TENANT, "operate", rate=100_000.0)
    server: Any = server_of(create_app(Service({TENANT: tenant}, tokens)), port=port)

    def watch() -> None:
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=watch, daemon=True).start()
    print(secret, flush=True)
    run(server)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
