"""Mechanisms of liquidation behind one contract, what makes keepers act, and what liquidating many at once costs.

Money moves in whole units and positions in whole lots from one party to another: nothing is lost or made.
"""

from plimsoll.liquidation.mechanisms.assumed import AssumedProcedure
from plimsoll.liquidation.mechanisms.auction import PortfolioAuction
from plimsoll.liquidation.mechanisms.book_close import BookCloseOut
from plimsoll.liquidation.mechanisms.books import Books
from plimsoll.liquidation.mechanisms.contract import CloseOut, Mechanism, Scene
from plimsoll.liquidation.mechanisms.ledger import Fill, Payment
from plimsoll.liquidation.mechanisms.overhead import Overhead, overhead
from plimsoll.liquidation.mechanisms.schedule import Impact, holdings, trades
from plimsoll.liquidation.mechanisms.staged import Staged
from plimsoll.liquidation.mechanisms.takeover import LoanTakeover, TakeoverWithBonus
from plimsoll.liquidation.mechanisms.terms import CloseTerms, PricePath
from plimsoll.liquidation.mechanisms.vault import BackstopVault

__all__ = [
    "AssumedProcedure",
    "BackstopVault",
    "BookCloseOut",
    "Books",
    "CloseOut",
    "CloseTerms",
    "Fill",
    "Impact",
    "LoanTakeover",
    "Mechanism",
    "Overhead",
    "Payment",
    "PortfolioAuction",
    "PricePath",
    "Scene",
    "Staged",
    "TakeoverWithBonus",
    "holdings",
    "overhead",
    "trades",
]
