"""What stands when a search comes back with less than was asked for; the searches are made to."""

from __future__ import annotations

import pytest

from dynamics.chains import flat, market_of, svi_smile
from plimsoll.documents import Reason
from plimsoll.dynamics import Method, Surface, SurfaceFit, fit_surface, solve
from plimsoll.dynamics.arbitrage import free_of_arbitrage
from plimsoll.dynamics.ssvi import Ssvi, fit_ssvi
from plimsoll.dynamics.svi_fit import OneSlice, Together, fit_alone, fit_together

# two expiries that cross, so that the slices alone are no answer
CROSSING = {30.0: svi_smile(30.0, 0.004, 0.05, -0.3, 0.02, 0.15), 33.0: flat(0.2)}


def fitted() -> SurfaceFit:
    fit = fit_surface(market_of(CROSSING), "BTC")
    assert fit.arbitrage_free
    return fit


def test_ssvi_stands_when_no_closer_slices_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {e.method for e in fitted().expiries} == {Method.SVI}
    monkeypatch.setattr(solve, "fit_together", lambda _, start, bound: Together(tuple(start), bound, False))
    monkeypatch.setattr(solve.Misfit, "cost", lambda *_: 0.0)
    fit = fitted()
    assert {e.method for e in fit.expiries} == {Method.SSVI}
    assert [(f.reason, f.effect) for f in fit.failures] == [(Reason.NO_CONVERGENCE, "notice")]
    assert "no SVI slices closer than the SSVI surface" in fit.failures[0].message
    assert all(e.error.weighted == pytest.approx(e.ssvi_error) for e in fit.expiries)


def test_slices_with_arbitrage_are_never_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def crossing(quotes: list[object], start: list[object], bound: float) -> Together:
        found = fit_together(quotes, start, bound)  # type: ignore[arg-type]
        wrong = tuple(reversed(found.slices))
        assert not free_of_arbitrage(wrong)
        return Together(wrong, 0.0, True)

    monkeypatch.setattr(solve, "fit_together", crossing)
    assert {e.method for e in fitted().expiries} == {Method.SSVI}


def test_one_volatility_stands_when_ssvi_has_arbitrage(monkeypatch: pytest.MonkeyPatch) -> None:
    def falling(quotes: list[object]) -> tuple[Ssvi, bool]:
        found, settled = fit_ssvi(quotes)  # type: ignore[arg-type]
        return found._replace(theta=tuple(reversed(found.theta))), settled

    monkeypatch.setattr(solve, "fit_ssvi", falling)
    fit = fitted()
    assert {e.method for e in fit.expiries} == {Method.FLAT}
    assert [f.reason for f in fit.failures] == [Reason.NO_CONVERGENCE]
    surface = Surface.of(fit)
    for one in fit.expiries:
        assert float(surface.vol(-0.4, one.tau)) == pytest.approx(float(surface.vol(0.4, one.tau)))
        assert one.error.largest is not None
        assert one.error.largest > 0.01
    assert fit.expiries[1].least_rise == 0.0


def test_a_search_that_did_not_settle_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def restless(quotes: list[object], start: list[object], bound: float) -> Together:
        return fit_together(quotes, start, bound)._replace(settled=False)  # type: ignore[arg-type]

    def weary(quotes: object, start: object = None) -> OneSlice:
        return fit_alone(quotes, start)._replace(settled=False)  # type: ignore[arg-type]

    monkeypatch.setattr(solve, "fit_together", restless)
    monkeypatch.setattr(solve, "fit_alone", weary)
    fit = fitted()
    assert {e.method for e in fit.expiries} == {Method.SVI}
    assert [f.reason for f in fit.failures] == [Reason.NO_CONVERGENCE]
    assert all(Reason.NO_CONVERGENCE in {f.reason for f in e.failures} for e in fit.expiries)
