"""The managers of Derive against their twins."""

from __future__ import annotations

from naive.adapters_derive import pmrm1_inputs, pmrm2_inputs, srm_inputs
from naive.pmrm1 import pmrm1
from naive.pmrm2 import pmrm2
from naive.srm import srm
from plimsoll.margin import MarginModel, Requirement
from sweeps.books import Book
from sweeps.compared import Compared


def against_srm(model: MarginModel, book: Book, seen: Compared) -> Requirement:
    """Margins, equity, the options of each market and every charge."""
    found = model.requirement(book.account, book.market)
    twin = srm(*srm_inputs(book.account_doc, book.market_doc, model.rules.parameters))
    seen.near("im", found.excess_initial, twin["im"])
    seen.near("mm", found.excess_maintenance, twin["mm"])
    seen.near("equity", found.net_equity, twin["mtm_incl_cash"])
    parts = twin["components"]
    for coin in book.coins:
        for kind, name in (("im", "initial"), ("mm", "maintenance")):
            expected = parts[f"{coin.lower()}_option_{kind}"]
            seen.near(f"{coin} options", found.workings.get(f"{coin}.option_{name}", 0.0), expected)
    base = sum(amount for name, amount in found.workings.items() if name.endswith(".base_maintenance"))
    seen.near("base", base, parts["base_margin"])
    seen.near("perpetual", found.component("perpetual").maintenance, -parts["perp_mm"])
    seen.near("oracle", found.component("oracle").initial, -parts["oracle_contingency"])
    seen.near("depeg", found.component("depeg").initial, -parts["depeg_im"])
    return found


def against_pmrm1(model: MarginModel, book: Book, seen: Compared) -> Requirement:
    """Margins, equity, contingencies and every scenario."""
    (coin,) = book.coins
    found = model.requirement(book.account, book.market)
    twin = pmrm1(*pmrm1_inputs(book.account_doc, book.market_doc, model.rules.parameters, coin))
    seen.near("im", found.excess_initial, twin["im"])
    seen.near("mm", found.excess_maintenance, twin["mm"])
    seen.near("equity", found.net_equity, twin["mtm_incl_cash"])
    for name in ("perp_contingency", "option_contingency", "base_contingency"):
        seen.near(name, found.component(name).maintenance, -twin[name])
    seen.near("oracle", found.component("oracle").initial, -twin["oracle_contingency"])
    seen.near("factor", found.workings["im_loss_factor"], twin["im_loss_factor"])
    expected = [*twin["scenario_pnl"], twin["basis_contingency"]]
    seen.all_near("scenario", [s.pnl for s in found.scenarios], expected)
    return found


def against_pmrm2(model: MarginModel, book: Book, seen: Compared) -> Requirement:
    """Margins, equity and every scenario."""
    (coin,) = book.coins
    found = model.requirement(book.account, book.market)
    twin = pmrm2(*pmrm2_inputs(book.account_doc, book.market_doc, model.rules.parameters, coin))
    seen.near("im", found.excess_initial, twin["im"])
    seen.near("mm", found.excess_maintenance, twin["mm"])
    seen.near("equity", found.net_equity, twin["mtm_incl_cash"])
    expected = [*twin["scenario_pnl"], twin["basis_contingency"]]
    seen.all_near("scenario", [s.pnl for s in found.scenarios], expected)
    return found
