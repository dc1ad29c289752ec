"""Everything that one report shows, computed once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from plimsoll.documents import DocumentError, Problem
from plimsoll.liquidation import Liquidation, liquidation
from plimsoll.margin import Account, MarginModel, Requirement, Rules, margin_model, open_book
from plimsoll.margin.compare import Comparison, Row, compare, rules_in_force, takeable, translation_note
from plimsoll.market import Market
from plimsoll.report.amounts import scenario_point
from plimsoll.risk.surface import Surface, surface
from plimsoll.scenarios import FLAT

if TYPE_CHECKING:
    from plimsoll.margin.requirement import Binding
    from plimsoll.margin.venues.deribit.pm_parameters import VolShock

F64 = npt.NDArray[np.float64]

HOUSE = "prbm"
"""The rule set whose scenarios and shares are shown in full when it can take the account."""

SPANS, STEPS = (0.3, 0.4, 0.6, 0.7), 40
LINE_POINTS, LINE_RANGE = 40, (0.4, 1.6)
"""Search for the lines of a page, which shows many rule sets; `plimsoll liquidation` looks further and closer."""

VOLS, DAYS = np.round(np.linspace(-0.3, 0.5, 17), 12), np.array([0.0, 1.0, 7.0])


@dataclass(frozen=True, eq=False)
class Report:
    """An account in a market under every rule set, and the one (`lead`) that is shown in full.

    `surfaces` and `lines` have an entry for each rule set that computed a requirement, by its label.
    """

    account: Account
    market: Market
    comparison: Comparison
    lead: Row
    requirement: Requirement
    surfaces: dict[str, Surface]
    lines: dict[str, Liquidation]

    @property
    def surface(self) -> Surface:
        """The surface of the rule set shown in full."""
        return self.surfaces[self.lead.label]

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """The binding scenarios of the rule set shown in full."""
        return self.requirement.binding


def build_report(
    account: Account,
    market: Market,
    rules: Sequence[Rules] | None = None,
    *,
    lead: str = HOUSE,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Compare, then find the liquidation lines and draw up the surface under every rule set that applies.

    `lead` names the rule set shown in full; if it cannot take the account the first that can is. `progress` hears
    what comes next. Raises `DocumentError` with every reason when no rule set can compute a requirement.
    """
    comparison = compare(account, market, rules, progress=progress)
    return report_on(comparison, account, market, lead=lead, progress=progress)


def report_on(
    comparison: Comparison,
    account: Account,
    market: Market,
    *,
    lead: str = HOUSE,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """The report on a comparison that was made of this account and market; otherwise as `build_report`."""
    tell = progress or (lambda _: None)
    found = comparison.computed
    if not found:
        raise DocumentError([Problem(row.label, "no requirement", row.refusal) for row in comparison.rows])
    chosen = next((row for row in found if row.pack.name == lead), found[0])
    assert chosen.requirement is not None
    lines, surfaces = {}, {}
    low, high = LINE_RANGE
    for row in found:
        assert row.requirement is not None
        model = margin_model(row.pack)
        tell(f"the line, {row.label}")
        held, snapshot, _ = takeable(model, account, market, row.mode)
        # strikes bend nothing before the last day; ends of tiers do, and are cheap where a model follows paths itself
        quick = type(model).along is not MarginModel.along
        lines[row.label] = liquidation(model, held, snapshot, low=low, high=high, points=LINE_POINTS, kinks=quick)
        tell(f"surface, {row.label}")
        surfaces[row.label] = surface_of(
            model, account, market, _moves(marks_of(row.pack, row.requirement)), VOLS, DAYS
        )
    return Report(account, market, comparison, chosen, chosen.requirement, surfaces, lines)


def _moves(bindings: Sequence[Binding]) -> F64:
    """Price moves just wide enough for the binding scenarios; those further away than the widest stay outside."""
    points = [scenario_point(b.label) for b in bindings]
    far = max((abs(p[0]) for p in points if p is not None and abs(p[0]) <= SPANS[-1]), default=0.0)
    span = next(s for s in SPANS if far <= s)
    moves: F64 = np.round(np.linspace(-span, span, STEPS + 1), 12) + 0.0
    return moves


def surface_of(
    model: MarginModel | None, account: Account, market: Market, moves: F64, vols: F64, days: F64
) -> Surface:
    """The surface of the whole book, options without a volatility at their worse bound.

    The volatility shock has the tenor law of `model`, so that its unweighted scenarios lie on the surface; without a
    model it is the same at every tenor. Raises `DocumentError` for positions that have no value.
    """
    rule = FLAT
    if model is not None:
        account, market, _ = takeable(model, account, market)
        rule = model.vol_rule(account, market)
    book = open_book(account, market, "conservative")
    return surface(book.plan.contracts, book.quantity, market, moves, vols, days, vol_rule=rule)


def _deribit_shocks(model: MarginModel) -> Mapping[str, VolShock] | None:
    """Volatility shocks by underlying under a portfolio margin of Deribit's, old or new; `None` for other models."""
    from plimsoll.margin.venues.deribit.contingency_pm import ContingencyMargin
    from plimsoll.margin.venues.deribit.pm import PortfolioMargin

    if isinstance(model, PortfolioMargin):
        return model.parameters.pairs
    return model.parameters.underlyings if isinstance(model, ContingencyMargin) else None


def marks_of(pack: Rules, requirement: Requirement) -> tuple[Binding, ...]:
    """The binding scenarios of a requirement with their volatility shock as a number, so that they have a place.

    Deribit names its shocks `up` and `down`; the numbers are those of the underlying's row in the pack.
    """
    shocks = _deribit_shocks(margin_model(pack))
    if shocks is None:
        return requirement.binding
    found = []
    for b in requirement.binding:
        label, shock = b.label.removesuffix(" (extended)"), shocks.get(b.underlying)
        if shock is not None:
            label = label.replace(" iv up", f" iv {shock.volatility_range_up * 100:+g}%")
            label = label.replace(" iv down", f" iv {-shock.volatility_range_down * 100:+g}%")
        found.append(b.model_copy(update={"label": label}))
    return tuple(found)


def book_surface(
    account: Account, market: Market, rules: str | None, moves: F64, vols: F64, days: F64
) -> tuple[Surface, Requirement | None, str]:
    """The surface, the requirement whose binding scenario is to be marked, and a remark.

    Without `rules` the house model of the market's day is taken if it can be; if it cannot, the surface stands alone
    and the remark says why. Rules that were asked for and cannot be computed raise `DocumentError`.
    """
    if rules is not None:
        model = margin_model(rules)
        held, snapshot, reason = takeable(model, account, market)
        requirement = model.requirement(held, snapshot, "conservative")
        remark = "" if reason is None else translation_note(reason)
        return surface_of(model, account, market, moves, vols, days), requirement, remark
    house = next((p for p in rules_in_force(market) if p.name == HOUSE), None)
    if house is None:
        remark = f"no binding scenario marked: no {HOUSE} pack in force on {market.time:%Y-%m-%d}"
        return surface_of(None, account, market, moves, vols, days), None, remark
    model = margin_model(house)
    try:
        requirement = model.requirement(account, market, "conservative")
    except DocumentError as error:
        shape = surface_of(None, account, market, moves, vols, days)
        return shape, None, f"no binding scenario marked: {error}"
    return surface_of(model, account, market, moves, vols, days), requirement, ""
