"""A process that is interrupted where the solver asks for nothing: in the linear program at the root of a tree."""

from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
from scipy.sparse import csr_array, random_array

from plimsoll.optimise import Effort, Solver, solver
from plimsoll.optimise.layout import Model

ROWS, COLUMNS = 1500, 3000


def wide() -> Model:
    """A program whose first linear program takes far longer than anybody waits here."""
    rng = np.random.default_rng(0)
    matrix = csr_array(random_array((ROWS, COLUMNS), density=0.05, rng=rng, data_sampler=rng.standard_normal))
    inside = rng.uniform(0.0, 1.0, COLUMNS)
    return Model(
        cost=rng.normal(size=COLUMNS),
        constant=0.0,
        matrix=matrix,
        lower=np.full(ROWS, -np.inf),
        upper=matrix @ inside + 0.1 * rng.random(ROWS),
        low=np.zeros(COLUMNS),
        high=np.ones(COLUMNS),
        whole=rng.random(COLUMNS) < 0.3,
        limits={},
    )


def interrupt() -> None:
    """Ctrl-C after a second's work of the solver, however long that takes on a busy machine."""
    while all(thread.name != "plimsoll-solver" for thread in threading.enumerate()):
        time.sleep(0.01)
    begun = time.process_time()
    while time.process_time() < begun + 1.0:
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    solver.GRACE = 0.5
    threading.Thread(target=interrupt, daemon=True).start()
    found = Solver().solve(wide(), Effort(gap=0.0))
    print(found.status, *(t.name for t in threading.enumerate() if t.name == "plimsoll-solver"))
