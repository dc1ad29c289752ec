"""Whole requirements: every component, scenario, share and hash of the document."""

from __future__ import annotations

import itertools
from typing import Any


def requirements(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """The requirement of one account after the other under `options["rules"]`; a unit is an account.

    Where the rules take only linear contracts the accounts are held as those first, which is not timed.
    """
    from plimsoll.feeds import generated_market, sample_book
    from plimsoll.margin import margin_model
    from plimsoll.margin.translate import same_exposure

    market = generated_market(int(inputs["market_seed"]))
    books = [
        (sample_book(market, options["positions"], int(seed)), market) for seed in inputs["account_seeds"].tolist()
    ]
    model = margin_model(options["rules"])
    books = [book if model.applies_to(*book) is None else same_exposure(*book) for book in books]
    turns = itertools.cycle(books)

    def run() -> Any:
        account, snapshot = next(turns)
        return model.requirement(account, snapshot).maintenance

    return {"run": run}
