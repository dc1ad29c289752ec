"""A copy of a snapshot looks its own instruments up."""

from __future__ import annotations

from plimsoll.feeds import generated_market


def test_a_copy_does_not_keep_the_tables_of_the_original() -> None:
    market = generated_market(7, underlyings=("BTC",))
    first = market.instruments[0].name
    assert first in market.contracts
    assert market.expiry_table
    fewer = market.model_copy(update={"instruments": market.instruments[1:], "expiries": market.expiries[1:]})
    assert first not in fewer.contracts
    assert len(fewer.expiry_table) == len(market.expiry_table) - 1
    assert first in market.contracts
