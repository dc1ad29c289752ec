"""The liquidation line of an account along a stated path, and its margin through the days to come."""

from plimsoll.liquidation.line import Line, Liquidation, PoolLines, liquidation
from plimsoll.liquidation.path import Path, load_betas, one, together, weighted

__all__ = [
    "Line",
    "Liquidation",
    "Path",
    "PoolLines",
    "liquidation",
    "load_betas",
    "one",
    "together",
    "weighted",
]
