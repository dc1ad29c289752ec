"""Published backtests reproduced from their returns."""

from plimsoll.validate.published.folder import Published, read_published
from plimsoll.validate.published.reproduce import Figure, Reproduction, reproduce

__all__ = ["Figure", "Published", "Reproduction", "read_published", "reproduce"]
