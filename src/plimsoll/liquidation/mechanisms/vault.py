"""A backstop vault: positions and margin change hands at the mark, and the vault works them off by itself."""

from __future__ import annotations

from dataclasses import dataclass

from plimsoll.liquidation.mechanisms.books import Books
from plimsoll.liquidation.mechanisms.contract import CloseOut, Scene
from plimsoll.liquidation.mechanisms.desk import Desk
from plimsoll.liquidation.mechanisms.schedule import trades

VAULT = "backstop vault"


@dataclass(frozen=True)
class BackstopVault:
    """The vault takes a pool over once its equity is below `terms.backstop` times maintenance, at the mark and with all
    its money; what the pool still had is the vault's for its risk, what it owed is the vault's loss.

    It waits along the price path, looking every `terms.round`, for at most `terms.rounds` rounds. With `at_once` it
    takes over as soon as the pool is below its line. The vault then trades on the book over `terms.horizon` by the
    schedule of Almgren and Chriss: `results` say what it had of it in the end.
    """

    at_once: bool = True
    unwind: bool = True

    @property
    def name(self) -> str:
        """See `Mechanism.name`."""
        return VAULT

    def run(self, scene: Scene, books: Books | None = None) -> CloseOut:
        """See `Mechanism.run`."""
        terms = scene.terms
        desk = Desk.open(scene, books)
        view = desk.view()
        if view.equity >= view.maintenance:
            return desk.finish(self.name, "assumed", "", True, "above its line")
        desk.wait(terms.latency)
        line = 1.0 if self.at_once else terms.backstop
        for _ in range(1 if self.at_once or scene.path.flat else terms.rounds):
            view = desk.view()
            if view.equity < line * view.maintenance:
                desk.take_over(VAULT, "below the vault's line")
                if self.unwind:
                    parts = trades(1.0, terms.horizon, terms.slices, terms.kappa)
                    steps = tuple((k * terms.horizon / terms.slices, float(x)) for k, x in enumerate(parts))
                    desk.unwind(VAULT, steps)
                return desk.finish(self.name, "assumed", "the vault's line and schedule", True, "taken over")
            desk.wait(terms.round)
        safe = desk.view()
        done = safe.equity >= safe.maintenance
        return desk.finish(self.name, "assumed", "the vault's line", done, "never came to the vault's line")
