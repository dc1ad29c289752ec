"""A stated path: how every price and volatility moves while one number, the move, goes from far below to far above."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.documents import Problem, refuse
from plimsoll.documents.errors import DocumentError
from plimsoll.margin import Account
from plimsoll.margin.path import States
from plimsoll.market import Market

F64 = npt.NDArray[np.float64]

BETA_LIMIT, ELASTICITY_LIMIT = 20.0, 5.0


@dataclass(frozen=True)
class Path:
    """Prices `S_u = S_u0 (1 + x)^beta_u` and volatilities `vol = vol0 (1 + x)^-elasticity` for a move `x > -1`.

    The power keeps every price above zero however large its beta, and a beta of one is the plain relative move. An
    underlying without a beta stays where it is. `elasticity` zero leaves volatilities with their strikes; above zero
    they rise as prices fall, every volatility of the account by the same factor. `lead` is the underlying of which
    the account holds most. The move is at once: no time passes and nobody trades on the way.
    """

    betas: Mapping[str, float]
    lead: str | None
    elasticity: float = 0.0

    def states(self, moves: F64) -> States:
        """The states of the market after the moves `x[K]`, each above -1."""
        return self.at(1.0 + np.asarray(moves, dtype=np.float64))

    def at(self, multipliers: F64) -> States:
        """The states at `1 + x = multipliers[K]`, each above zero."""
        m = np.asarray(multipliers, dtype=np.float64)
        if not (m > 0).all():
            raise refuse("moves", float(m[~(m > 0)][0] - 1.0), "moves above -100 %")
        with np.errstate(over="ignore", under="ignore"):
            spot = {name: m.copy() if beta == 1.0 else m**beta for name, beta in self.betas.items()}
            vol = np.ones_like(m) if self.elasticity == 0.0 else m**-self.elasticity
        return States(spot, vol)

    def multiplier_of(self, underlying: str, factor: F64) -> F64:
        """Where on the path (as `1 + x`) the price of an underlying is multiplied by `factor`; none if it stays."""
        beta = self.betas.get(underlying, 0.0)
        found: F64 = np.empty(0) if beta == 0.0 else np.asarray(factor, dtype=np.float64) ** (1.0 / beta)
        return found

    def words(self) -> str:
        """The path as a sentence."""
        moving = {u: b for u, b in self.betas.items() if b != 0.0}
        if not moving:
            what = "no price moves"
        elif len(moving) == 1 and set(moving.values()) == {1.0}:
            what = f"{next(iter(moving))} moves alone"
        elif set(moving.values()) == {1.0}:
            what = "every price moves together"
        else:
            powers = ", ".join(f"{u} by (1+x)^{b:g}" for u, b in moving.items())
            what = f"prices move together: {powers}"
        vol = "volatilities stay with their strikes"
        if self.elasticity != 0.0:
            vol = f"every volatility moves by (1+x)^{-self.elasticity:g}"
        return f"{what}, {vol}"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"betas": dict(self.betas), "vol_elasticity": self.elasticity, "lead": self.lead}


def underlyings_of(account: Account, market: Market) -> tuple[str, ...]:
    """Underlyings that an account depends on, largest notional first: those of its contracts, then its coins."""
    size: dict[str, float] = {}
    for p in account.positions:
        contract = market.contracts.get(p.instrument)
        if contract is None:
            continue
        price = market.indices[contract.underlying].price if contract.underlying in market.indices else 0.0
        usd = contract.kind != "option" and getattr(contract, "settlement", None) == "inverse"
        each = float(getattr(contract, "multiplier", 1.0)) * (1.0 if usd else price)
        size[contract.underlying] = size.get(contract.underlying, 0.0) + abs(p.quantity) * each
    for asset, amount in (*account.collateral.items(), *account.borrowed.items()):
        if asset in market.indices and amount != 0.0:
            size[asset] = size.get(asset, 0.0) + abs(amount) * market.indices[asset].price
    return tuple(sorted(size, key=lambda u: (-size[u], u)))


def every_underlying(market: Market) -> tuple[str, ...]:
    """All that the market prices: indices, expiries and instruments, sorted."""
    named = {*market.indices, *(r.underlying for r in market.expiries), *(c.underlying for c in market.instruments)}
    return tuple(sorted(named))


def alone(underlying: str, market: Market, elasticity: float = 0.0) -> Path:
    """The path on which one underlying moves and all others stay. Raises `DocumentError` if the market has it not."""
    known = every_underlying(market)
    if underlying not in known:
        raise refuse("underlying", underlying, "one of " + ", ".join(known))
    return Path({underlying: 1.0}, underlying, _elasticity(elasticity))


def together(account: Account, market: Market, elasticity: float = 0.0) -> Path:
    """The path on which every price of the market is multiplied alike."""
    lead = next(iter(underlyings_of(account, market)), None)
    return Path(dict.fromkeys(every_underlying(market), 1.0), lead, _elasticity(elasticity))


def weighted(betas: Mapping[str, float], account: Account, market: Market, elasticity: float = 0.0) -> Path:
    """The path with a beta for each underlying.

    Every underlying that the account depends on has to be named (a beta of zero lets it stay): one that was forgotten
    would be a line that is wrong. Raises `DocumentError` with each that is missing, unknown to the market or beyond
    20 in size.
    """
    known, needed = every_underlying(market), underlyings_of(account, market)
    allowed = f"a number between {-BETA_LIMIT:g} and {BETA_LIMIT:g}"
    found = [Problem(f"betas.{u}", u, "one of " + ", ".join(known)) for u in betas if u not in known]
    found += [
        Problem(f"betas.{u}", "nothing", allowed + ", as the account depends on it") for u in needed if u not in betas
    ]
    found += [Problem(f"betas.{u}", repr(b), allowed) for u, b in betas.items() if not _number(b, BETA_LIMIT)]
    if found:
        raise DocumentError(found)
    lead = next((u for u in needed if betas[u] != 0.0), None)
    return Path({u: float(b) for u, b in betas.items()}, lead, _elasticity(elasticity))


def load_betas(file: str) -> dict[str, float]:
    """Betas from a JSON file, an object of underlying to number. Raises `DocumentError` for anything else."""
    try:
        content = json.loads(File(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise refuse("--betas", f"{file} ({error.strerror})", "a file that can be read") from None
    except ValueError as error:
        raise refuse("--betas", f"{file} ({error})", "a JSON object of underlying to beta") from None
    if not isinstance(content, dict):
        raise refuse("--betas", type(content).__name__, 'a JSON object such as {"BTC": 1.0, "ETH": 1.3}')
    return content


def _number(value: object, limit: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= limit


def _elasticity(value: float) -> float:
    if not _number(value, ELASTICITY_LIMIT):
        raise refuse("vol_elasticity", value, f"a number between {-ELASTICITY_LIMIT:g} and {ELASTICITY_LIMIT:g}")
    return float(value)
