"""Errors that a user can act on: which field, what was got, what is allowed."""

from __future__ import annotations

from dataclasses import dataclass

_PATH_SHOWN = 200


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a document.

    `path` names the field (`positions[3].quantity`), `got` is what stood there (shortened), `allowed` says what may.
    """

    path: str
    got: str
    allowed: str

    def __str__(self) -> str:
        # a key of a stranger's file must neither flood a terminal nor steer it
        path = self.path if self.path.isprintable() else ascii(self.path)[1:-1]
        path = path if len(path) <= _PATH_SHOWN else path[:_PATH_SHOWN] + "..."
        return f"{path}: got {self.got}; allowed: {self.allowed}"


SHOWN = 8
"""Problems spelled out in the message; all of them are in `DocumentError.problems`."""


class PlimsollError(Exception):
    """Base of every error raised on purpose; the command line prints it without a traceback and exits 2."""


class DocumentError(PlimsollError):
    """A document, table or argument was refused.

    `problems` holds every fault found, in document order; `source` is the file or object it was found in.
    """

    def __init__(self, problems: Problem | list[Problem], source: str = "") -> None:
        self.problems: list[Problem] = [problems] if isinstance(problems, Problem) else list(problems)
        self.source = source
        shown = [str(p) for p in self.problems[:SHOWN]]
        if len(self.problems) > len(shown):
            shown.append(f"... and {len(self.problems) - len(shown)} more")
        head = f"{source}: " if source else ""
        super().__init__(head + "\n  ".join(shown))

    def within(self, source: str) -> DocumentError:
        """The same problems, attributed to `source`."""
        return DocumentError(self.problems, source)


def refuse(path: str, got: object, allowed: str, source: str = "") -> DocumentError:
    """A `DocumentError` with a single problem, ready to raise."""
    return DocumentError(Problem(path, shorten(got), allowed), source)


def shorten(value: object, limit: int = 80) -> str:
    """`repr(value)` cut to `limit` characters, safe for integers too long to print."""
    if isinstance(value, int) and abs(value) >= 10**40:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, (list, tuple, dict)) and len(value) > 8:
        return f"a {type(value).__name__} of {len(value)} items"
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
