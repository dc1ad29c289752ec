"""The liquidation line of an account along a stated path, its margin through the days to come, its margin call
(`calls`), and who pays when it fails (`waterfall`)."""

from plimsoll.liquidation.line import Line, Liquidation, PoolLines, liquidation
from plimsoll.liquidation.path import Path, alone, load_betas, together, weighted

__all__ = [
    "Line",
    "Liquidation",
    "Path",
    "PoolLines",
    "alone",
    "liquidation",
    "load_betas",
    "together",
    "weighted",
]
