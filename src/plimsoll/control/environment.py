"""The controlled venue as a Gymnasium environment.

Needs the extra `controller`. Nothing else of this room does: a frozen policy runs without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.control.courses import Course, drawn
from plimsoll.control.search import MissingControllerError
from plimsoll.control.terms import TERMS, ControlTerms
from plimsoll.control.venue import STATES, Venue
from plimsoll.documents import refuse

try:
    import gymnasium
except ImportError as error:
    raise MissingControllerError(
        "the environment needs gymnasium: pip install 'plimsoll-margin[controller]'"
    ) from error

F32 = npt.NDArray[np.float32]
FAR = 20.0
"""Where observations end: they are logarithms and parts of the order of one."""
SHRUNK = 1e-3
"""Of the reward in basis points a year, so that returns of an episode are of the order of a hundred at most."""


class MarginRateEnv(gymnasium.Env[F32, F32]):
    """A venue of `terms.agents.accounts` accounts whose margin rate the agent steps up and down.

    Observation: `STATES`, a box of `len(STATES)`. Action: a box of one number from -1 to 1, the part of the largest
    relative step of the asked rate; the projection makes of it the rate in force. Reward: minus the operator's costs of
    the step, thousandths of a basis point of the reference open interest a year; `info["terms"]` has every term by
    name in basis points a year, `info["rate"]` the rate in force, `info["needed"]` what the bounds asked for. An
    episode ends after `terms.steps` steps by truncation: nothing in a venue ends by itself.

    Without `courses` each reset draws a course from its seed; with them one of them.
    """

    metadata: dict[str, Any] = {"render_modes": []}

    def __init__(self, terms: ControlTerms | None = None, courses: Sequence[Course] | None = None) -> None:
        self.terms = ControlTerms() if terms is None else terms
        if courses is not None and not courses:
            raise refuse("courses", 0, "at least one, or None for drawn ones")
        self.courses = courses
        self.observation_space = gymnasium.spaces.Box(-FAR, FAR, (len(STATES),), np.float32)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.venue: Venue | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[F32, dict[str, Any]]:
        """A new episode; `options` may have `course`, a `Course` to run through. Unknown options are refused."""
        super().reset(seed=seed)
        chosen = dict(options or {})
        course = chosen.pop("course", None)
        if chosen:
            raise refuse("options", sorted(chosen), "course alone")
        number = int(self.np_random.integers(2**31))
        if course is None:
            course = drawn(self.terms, number) if self.courses is None else self.courses[number % len(self.courses)]
        self.venue = Venue(self.terms, course, number)
        return self._seen(self.venue), {"course": course.name, "rate": self.venue.posted.in_force}

    def step(self, action: F32) -> tuple[F32, float, bool, bool, dict[str, Any]]:
        """One step of the venue under the projected action."""
        venue = self.venue
        if venue is None:
            raise refuse("step", "no episode", "a reset before it")
        posted = venue.post(float(np.asarray(action, dtype=np.float64).reshape(-1)[0]))
        found = venue.step()
        reward = venue.reward(found)
        info = {
            "terms": {name: float(c) * venue.yearly for name, c in zip(TERMS, found.costs, strict=True)},
            "rate": posted.in_force,
            "needed": posted.needed,
            "open_interest": found.open_interest,
            "uncovered": found.uncovered,
        }
        return self._seen(venue), SHRUNK * reward, False, venue.done, info

    def _seen(self, venue: Venue) -> F32:
        return np.clip(venue.state(), -FAR, FAR).astype(np.float32)
