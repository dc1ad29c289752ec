"""The chains of a venue's liens: how fast and how sure each is, and what its messages suffer."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from plimsoll.documents import Asset, Count, Document, Fraction, Name, NonNegative, Part, fault
from plimsoll.laboratory.liens.chain import KEPT
from plimsoll.laboratory.liens.venue import Terms

AtLeastOne = Annotated[int, Field(strict=True, ge=1)]
Blocks = Annotated[int, Field(strict=True, ge=1, le=KEPT)]
Chance = Annotated[float, Field(strict=True, ge=0, lt=1)]


class ChainTerms(Part):
    """One chain. Its blocks come every `block_seconds` in the mean, a lock counts with `confirmations` blocks on it.

    A message takes `delay_seconds` in the mean (exponential, so that they overtake each other), is lost with the chance
    `loss` and comes twice with the chance `duplicate`. With the chance `reorganise` a block is followed by a
    reorganisation of 1 to `deepest` blocks, each further block with the chance `further`. Its clock is off by at most
    `skew` seconds. `asset` is what is locked, `volatility` its own per year, `bridge_loss` what the bridge may lose,
    of the amount; both count in the haircut only.
    """

    confirmations: Blocks = 12
    block_seconds: AtLeastOne = 12
    delay_seconds: AtLeastOne = 30
    loss: Chance = 0.1
    duplicate: Chance = 0.1
    reorganise: Chance = 0.02
    deepest: Blocks = 8
    further: Chance = 0.5
    skew: Count = 15
    asset: Asset = "ETH"
    volatility: NonNegative = 0.7
    bridge_loss: Fraction = 0.0


class LienNetwork(Document):
    """Chains by name, the venue's terms, and the haircut on each asset by itself."""

    SCHEMA: ClassVar[str] = "plimsoll.lien-network"

    chains: Annotated[dict[Name, ChainTerms], Field(min_length=1)]
    terms: Terms = Terms()
    haircuts: dict[Asset, Fraction] = {}
    quantile: NonNegative = 3.0
    """z of the latency haircut: of how many standard deviations of the price in the time until a sale is possible."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        for name, chain in self.chains.items():
            # the venue's clock and a chain's may be off to different sides
            if self.terms.guard < 2 * chain.skew:
                raise fault("terms.guard", self.terms.guard, f"at least {2 * chain.skew}, twice the skew of {name}")
        if self.terms.advance > 1000:
            raise fault("terms.advance", self.terms.advance, "at most 1000 per mille")
        return self


def sample_network(*, deep: bool = False) -> LienNetwork:
    """Three chains of assumed terms: a slow one, a fast one, and one behind a bridge. With `deep` reorganisations go
    beyond the confirmations of each, which a venue cannot be safe from, only book.

    >>> [c.deepest < c.confirmations for c in sample_network().chains.values()]
    [True, True, True]
    """
    slow = ChainTerms(confirmations=12, block_seconds=12, deepest=8, asset="ETH", volatility=0.7)
    fast = ChainTerms(
        confirmations=32, block_seconds=2, delay_seconds=10, deepest=24, asset="USDC", volatility=0.02, loss=0.2
    )
    bridged = ChainTerms(
        confirmations=6, block_seconds=60, delay_seconds=300, deepest=4, asset="BTC", volatility=0.6, bridge_loss=0.01
    )
    chains = {"slow": slow, "fast": fast, "bridged": bridged}
    if deep:
        deeper = {n: {"deepest": min(KEPT, 2 * c.confirmations), "further": 0.9} for n, c in chains.items()}
        chains = {n: c.model_copy(update=deeper[n]) for n, c in chains.items()}
    return LienNetwork(chains=chains, haircuts={"ETH": 0.1, "BTC": 0.08, "USDC": 0.01})
