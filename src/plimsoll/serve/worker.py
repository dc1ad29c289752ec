"""`python -m plimsoll.serve.worker SECONDS`: a job from standard input, progress and result on standard output."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from plimsoll.documents import PlimsollError

Tell = Callable[[str, int, int], None]

EVERY = 0.1
"""Seconds between two lines of progress."""

HISTORY = "history: generated, of no market"


def compute(task: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """The result of a job: `kind`, `options` as they came over the wire, the `market` and the `accounts` by name."""
    from plimsoll.margin import Account
    from plimsoll.market import Market
    from plimsoll.serve.dashboard import job_work

    alone: dict[str, Callable[..., dict[str, Any]]] = {"cascade": job_work.cascade, "verify": job_work.verify}
    if task["kind"] in alone:
        return alone[task["kind"]](task["options"], tell)
    if task["kind"].startswith(("prove-", "verify-")):
        from plimsoll.serve import proof_work

        return proof_work.KINDS[task["kind"]](task, tell)
    market = Market.from_dict(task["market"], "market")
    accounts = {name: Account.from_dict(content, "account") for name, content in task["accounts"].items()}
    kinds: dict[str, Callable[..., dict[str, Any]]] = {
        "hedge": _hedge,
        "place": _place,
        "capital": _capital,
        "stress": _stress,
        "density": job_work.density,
    }
    return kinds[task["kind"]](market, accounts, task["rules"], task["options"], tell)


def _hedge(market: Any, accounts: dict[str, Any], rules: Any, options: dict[str, Any], tell: Tell) -> dict[str, Any]:
    from plimsoll.margin import Rules
    from plimsoll.margin.catalogue import margin_model
    from plimsoll.optimise import Effort, Holding, Wish, hedge, make_desk

    model = margin_model(Rules.from_dict(rules, "rules"))
    desk = make_desk(
        market, [Holding(name, a, model) for name, a in accounts.items()], candidates=options["candidates"] or None
    )
    wish = Wish(**{name: options[name] for name in ("worth", "delta_band", "vega_band", "budget", "most")})
    answer: dict[str, Any] = hedge(desk, wish, effort=Effort(seconds=options["seconds"]), progress=tell).to_dict()
    return answer


def _place(market: Any, accounts: dict[str, Any], _rules: Any, options: dict[str, Any], tell: Tell) -> dict[str, Any]:
    from plimsoll.margin.catalogue import margin_model
    from plimsoll.optimise import Effort, Venue, place

    venues = [Venue(n, a, tuple(margin_model(r) for r in options["accounts"][n])) for n, a in accounts.items()]
    effort = Effort(seconds=options["seconds"])
    found: dict[str, Any] = place(market, venues, worth=options["worth"], effort=effort, progress=tell).to_dict()
    return found


def _capital(market: Any, accounts: dict[str, Any], rules: Any, options: dict[str, Any], tell: Tell) -> dict[str, Any]:
    from plimsoll.feeds.generated_history import generated_history
    from plimsoll.margin import Rules
    from plimsoll.margin.catalogue import margin_model
    from plimsoll.optimise.variation import Outlook, evaluate, same_time
    from plimsoll.optimise.variation.drawing import transfer_paths
    from plimsoll.scenarios.factors import FactorHistory

    model = margin_model(Rules.from_dict(rules, "rules"))
    known = generated_history(market.time)
    factors = FactorHistory.of_levels(known, tuple(n for n in known.names if n in market.indices))
    paths, what = transfer_paths(factors, options["hours"], options["paths"], options["seed"])
    outlook = Outlook(paths, same_time(options["hours"])).telling(tell)
    found = evaluate([(n, a, model) for n, a in accounts.items()], market, outlook, options["breach"])
    return {**found.to_dict(), "paths_from": [what, HISTORY]}


def _stress(market: Any, accounts: dict[str, Any], rules: Any, options: dict[str, Any], tell: Tell) -> dict[str, Any]:
    from plimsoll.laboratory.book_stress import stress_book
    from plimsoll.laboratory.shocked import stables
    from plimsoll.margin import Rules
    from plimsoll.margin.catalogue import margin_model
    from plimsoll.margin.joint_account import joint_account
    from plimsoll.scenarios.stress import generate, shipped_scenarios

    (account,) = accounts.values()
    scenarios, told = list(shipped_scenarios().scenarios), "scenarios of the package"
    if options["generate"] is not None:
        names = joint_account(account, market)[0].underlyings
        scenarios += generate(options["generate"], options["seed"], names, stables(account, market)).scenarios
        told += f" and {options['generate']:,} generated with seed {options['seed']}"
    model = margin_model(Rules.from_dict(rules, "rules"))
    found = stress_book(model, account, market, scenarios, exact=options["exact"], progress=tell)
    return {"source": told, **found.to_dict()}


def main() -> int:
    """Read the task, compute it, write what comes of it."""
    seconds = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # whoever asks for an order first, and computes later
    os.nice(10)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    # what a library prints must not stand among the lines
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    entry = sys.stdin.buffer
    size = int.from_bytes(entry.read(8), "big")
    task = json.loads(entry.read(size))
    threading.Thread(target=_end_with, args=(entry,), daemon=True).start()
    guard = threading.Lock()
    last = 0.0

    def write(content: dict[str, Any]) -> None:
        data = memoryview(json.dumps(content, allow_nan=False).encode() + b"\n")
        with guard:
            while data:
                data = data[out.write(data) or 0 :]

    def tell(text: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= EVERY:
            last = now
            write({"progress": [text, int(done), int(total)]})

    try:
        write({"result": compute(task, tell)})
    except PlimsollError as error:
        from plimsoll.serve.problems import content_of, refusal_of

        found = refusal_of(error)
        write({"problem": content_of(found.status, found.detail, found.problems)})
    return 0


def _end_with(entry: Any) -> None:
    """End when the service that asked is gone."""
    with contextlib.suppress(OSError, ValueError):
        entry.read(1)
    os._exit(1)


if __name__ == "__main__":
    # threads of solvers that were left behind do not keep the process
    code = main()
    sys.stdout.flush()
    os._exit(code)
