"""Calls of the kernels with what no caller should give them: a seeded stream, for tests and for sanitizers.

What must come back is an answer or an exception of `REFUSED`; what must never happen is a crash, another exception, or
an argument that was written to.
"""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from plimsoll import kernels
from plimsoll.kernels.backend import native

Arguments = dict[str, Any]

REFUSED = (ValueError, TypeError, IndexError, MemoryError, OverflowError, np.exceptions.ComplexWarning)
WRITTEN = ("out", "loss", "scenario", "quantile", "shortfall", "total", "slope", "converged", "value", "charge")

NUMBERS = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    np.nan,
    np.inf,
    -np.inf,
    5e-324,
    1e-310,
    2.3e-308,
    1e-160,
    1e160,
    1.7e308,
    -1.7e308,
    24.0,
]
WHOLES = [0, 1, -1, 2, 7, 2**31 - 1, 2**31, 2**32, 2**32 + 1, 2**62, -(2**63), 2**63 - 1]
ANYTHING: list[Any] = [
    None, True, -1, 0, 3, 2**31, 2**63, -(2**70), 1.5, np.nan, "1", b"1", [], [1.0], (), {}, object(),
    np.float64(1.0), np.int8(3), [[1.0], [2.0, 3.0]], np.empty((0, 2**59)), np.empty((2**59, 0)), np.empty((0, 3)),
    np.array(2.0), np.array(["a"]), np.array([None, 1]), np.zeros(3, "f2"), np.zeros(3, "c16"), np.zeros((1,) * 20),
]  # fmt: skip


def market(rng: np.random.Generator) -> Arguments:
    """Arguments of the lognormal kernels, of sizes around those of vectors and tiles."""
    n, e = int(rng.integers(0, 9)), int(rng.integers(1, 4))
    s = int(rng.choice([0, 1, 2, 7, 8, 9, 16, 17, 511, 512, 513, 1025]))
    return {
        "group": rng.integers(0, e, n),
        "strike": rng.uniform(50.0, 150.0, n),
        "total_vol": rng.uniform(0.0, 1.0, n),
        "call": rng.random(n) < 0.5,
        "forward": rng.uniform(50.0, 150.0, (e, s)),
        "vol_scale": rng.uniform(0.5, 2.0, (e, s)),
        "vol_shift": rng.uniform(-0.1, 0.1, (e, s)) if rng.random() < 0.3 else None,
        "vol_floor": rng.uniform(0.0, 0.1, (e, s)) if rng.random() < 0.3 else None,
        "discount": rng.uniform(0.9, 1.0, e),
        "threads": int(rng.integers(1, 5)),
    }


def holdings(rng: np.random.Generator) -> Arguments:
    """Arguments of the kernels of accounts."""
    accounts, n = int(rng.integers(0, 40)), int(rng.integers(1, 12))
    s = int(rng.choice([1, 2, 7, 8, 9, 31, 33, 100, 300, 4096, 4100]))
    indptr = np.append(0, np.cumsum(rng.integers(0, 6, accounts)))
    size = int(indptr[-1])
    return {
        "indptr": indptr,
        "indices": rng.integers(0, n, size),
        "quantity": rng.normal(size=size),
        "pnl": rng.normal(size=(n, s)),
    }


def _values(rng: np.random.Generator) -> Arguments:
    a = market(rng)
    out = np.empty((a["group"].size, a["forward"].shape[1]))
    return a | {"per_forward": rng.random(a["group"].size) < 0.5, "out": out}


def _greeks(rng: np.random.Generator) -> Arguments:
    a = market(rng)
    return a | {"root_time": rng.uniform(0.0, 1.0, a["group"].size)}


def _raw_greeks(rng: np.random.Generator) -> Arguments:
    a = _greeks(rng)
    return a | {"out": np.empty((5, a["group"].size, a["forward"].shape[1]))}


def _book(rng: np.random.Generator) -> Arguments:
    a = market(rng)
    n = a["group"].size
    return a | {"per_forward": rng.random(n) < 0.5, "quantity": rng.normal(size=n)}


def _raw_book(rng: np.random.Generator) -> Arguments:
    a = _book(rng)
    return a | {"out": np.empty(a["forward"].shape[1])}


def _elements(rng: np.random.Generator) -> Arguments:
    n = int(rng.integers(0, 200))
    names = ("forward", "strike", "total_vol")
    return {name: rng.uniform(0.0, 2.0, n) for name in names} | {"call": rng.random(n) < 0.5}


def _raw_elements(rng: np.random.Generator) -> Arguments:
    a = _elements(rng)
    return a | {"threads": int(rng.integers(1, 5)), "out": np.empty(a["call"].size)}


def _inverse(rng: np.random.Generator) -> Arguments:
    n = int(rng.integers(0, 40))
    return {"x": -rng.exponential(size=n), "log_target": -rng.exponential(5.0, n), "threads": int(rng.integers(1, 5))}


def _raw_inverse(rng: np.random.Generator) -> Arguments:
    a = _inverse(rng)
    n = a["x"].size
    return a | {"total": np.empty(n), "slope": np.empty(n), "converged": np.empty(n, np.bool_)}


def _worst(rng: np.random.Generator) -> Arguments:
    a = holdings(rng)
    weights = rng.uniform(0.0, 1.0, a["pnl"].shape[1]) if rng.random() < 0.5 else None
    dtype = rng.choice(["float64", "float32"])
    return a | {"weights": weights, "threads": int(rng.integers(1, 5)), "dtype": np.dtype(dtype)}


def _tail(rng: np.random.Generator) -> Arguments:
    a = _worst(rng)
    del a["weights"]
    return a | {"level": float(rng.choice([0.01, 0.5, 0.9, 0.975, 0.999999]))}


def _raw_worst(rng: np.random.Generator) -> Arguments:
    a = _worst(rng)
    kind, accounts = a.pop("dtype"), a["indptr"].size - 1
    return a | {"limit": 1e300, "loss": np.empty(accounts, kind), "scenario": np.empty(accounts, np.int64)}


def _raw_tail(rng: np.random.Generator) -> Arguments:
    a = _tail(rng)
    kind, accounts, s = a.pop("dtype"), a["indptr"].size - 1, a["pnl"].shape[1]
    del a["level"]
    room = {"quantile": np.empty(accounts, kind), "shortfall": np.empty(accounts, kind)}
    return a | {"k": int(rng.integers(1, s + 1)), "share": 0.1, "limit": float(rng.choice([1e300, 1.0]))} | room


def _losses(rng: np.random.Generator) -> Arguments:
    shape = (int(rng.integers(0, 5)), int(rng.choice([1, 7, 8, 33, 500, 4096, 4099])))
    return {"losses": rng.normal(size=shape), "level": float(rng.choice([0.01, 0.5, 0.975]))}


def _raw_losses(rng: np.random.Generator) -> Arguments:
    losses = _losses(rng)["losses"]
    rows, size = losses.shape
    k = int(rng.integers(1, size + 1))
    return {
        "losses": losses, "k": k, "share": 0.1, "threads": 2, "quantile": np.empty(rows), "shortfall": np.empty(rows)
    }  # fmt: skip


def _steps(rng: np.random.Generator) -> Arguments:
    accounts, n, k = int(rng.integers(0, 40)), int(rng.integers(1, 9)), int(rng.integers(1, 4))
    indptr = np.append(0, np.cumsum(rng.integers(0, 6, accounts)))
    size = int(indptr[-1])
    return {
        "indptr": indptr,
        "indices": rng.integers(0, n, size),
        "count": rng.integers(-1000, 1000, size),
        "base": rng.integers(-(10**9), 10**9, accounts),
        "price": rng.integers(-1000, 1000, n),
        "size": rng.integers(1, 1000, n),
        "ends": np.cumsum(rng.uniform(1.0, 1e6, (n, k)), axis=1),
        "rates": rng.uniform(0.0, 1.0, (n, k)),
        "threads": int(rng.integers(1, 5)),
    }


def _raw_steps(rng: np.random.Generator) -> Arguments:
    a = _steps(rng)
    accounts = a["base"].size
    return a | {"value": np.empty(accounts, np.int64), "charge": np.empty(accounts)}


Call = tuple[Callable[..., Any], Callable[[np.random.Generator], Arguments]]


def calls() -> list[Call]:
    """Every kernel by its public name and, where there is an extension, every binding of it."""
    found: list[Call] = [
        (kernels.lognormal_values, _values),
        (kernels.lognormal_greeks, _greeks),
        (kernels.lognormal_greeks, _raw_greeks),
        (kernels.lognormal_book, _book),
        (kernels.lognormal_value, _elements),
        (kernels.lognormal_inverse, _inverse),
        (kernels.account_worst, _worst),
        (kernels.account_var, _tail),
        (kernels.account_es, _tail),
        (kernels.expected_shortfall, _losses),
        (kernels.value_at_risk, _losses),
        (kernels.tail_weights, _losses),
        (kernels.aggregate_accounts, holdings),
        (kernels.step_rows, _steps),
    ]
    extension = native()
    if extension is not None:
        found += [
            (extension.lognormal_values, _values),
            (extension.lognormal_greeks, _raw_greeks),
            (extension.lognormal_book, _raw_book),
            (extension.lognormal_elements, _raw_elements),
            (extension.lognormal_inverse, _raw_inverse),
            (extension.account_worst, _raw_worst),
            (extension.account_tail, _raw_tail),
            (extension.vectors_tail, _raw_losses),
            (extension.step_rows, _raw_steps),
        ]
    return found


@np.errstate(all="ignore")
def spoiled(rng: np.random.Generator, value: Any, others: list[Any]) -> Any:
    """Something else in the place of an argument: of another kind, shape, order or place, or with bad numbers."""
    plain = (
        isinstance(value, np.ndarray) and 0 < value.ndim < 4 and max(value.shape) < 10_000 and value.dtype.kind in "fib"
    )
    if not plain or rng.random() < 0.1:
        return ANYTHING[rng.integers(len(ANYTHING))]
    kind = int(rng.integers(14))
    if kind == 0 and value.size:  # one bad number
        bad = value.copy()
        if value.dtype.kind == "f":
            bad.flat[rng.integers(bad.size)] = rng.choice(NUMBERS)
        elif value.dtype.kind == "i":
            bad.flat[rng.integers(bad.size)] = WHOLES[rng.integers(len(WHOLES))]
        return bad
    if kind == 1:  # many
        return np.resize(np.array(NUMBERS), value.shape).astype(value.dtype if value.dtype.kind == "f" else "f8")
    if kind == 2:
        real = value.real if value.dtype.kind == "c" else value
        return real.astype(rng.choice(["f4", "f8", "i4", "u8", "i1", ">f8", ">i8", "O", "c16", "?", "U3"]))
    if kind == 3:
        return value[:-1]
    if kind == 4:
        return np.concatenate([value, value[:1]]) if value.ndim else value
    if kind == 5:
        return value.T if value.ndim > 1 else value[None, :]
    if kind == 6:
        return value[..., ::-1]
    if kind == 7:
        return np.repeat(value, 2, axis=-1)[..., ::2]
    if kind == 8:
        return np.broadcast_to(value[:1], value.shape) if value.size else value
    if kind == 9:
        value.flags.writeable = False
        return value
    if kind == 10:  # an address that no number of its size has
        room = np.zeros(value.nbytes + 1, np.uint8)
        return np.frombuffer(room.data, np.uint8)[1:][: value.nbytes].view(value.dtype).reshape(value.shape)
    if kind == 11 and value.dtype == np.bool_:
        return rng.integers(0, 256, value.shape).astype(np.uint8).view(np.bool_)
    if kind == 12 and others:  # an array that is another argument too
        return others[rng.integers(len(others))]
    if kind == 13:
        return np.asfortranarray(value) if value.ndim > 1 else value.tolist()
    return value


def attack(rng: np.random.Generator, chosen: Call) -> None:
    """One call with some arguments spoiled; arguments that are no results are as they were."""
    function, make = chosen
    a = make(rng)
    names = list(a)
    arrays = [v for v in a.values() if isinstance(v, np.ndarray)]
    for name in rng.permutation(names)[: rng.integers(0, 4)]:
        a[name] = spoiled(rng, a[name], arrays)
    if rng.random() < 0.02:
        a.pop(names[rng.integers(len(names))])
    results = [a[name] for name in WRITTEN if isinstance(a.get(name), np.ndarray)]
    before = {
        name: value.tobytes()
        for name, value in a.items()
        if isinstance(value, np.ndarray) and name not in WRITTEN and value.dtype != object
        and not any(np.may_share_memory(value, result) for result in results)
    }  # fmt: skip
    try:
        with np.errstate(all="ignore"):
            function(**a)
    except REFUSED:
        pass
    for name, content in before.items():
        assert a[name].tobytes() == content, f"{function.__name__} wrote to {name}"


def attack_book(rng: np.random.Generator) -> None:
    """A day of orders, good and bad, on a book that may itself be spoiled."""
    a = holdings(rng)
    arrays = list(a.values())
    level = 0.9 if rng.random() < 0.8 else None
    for name in rng.choice(list(a), int(rng.integers(0, 2))):
        a[name] = spoiled(rng, a[name], arrays)
    try:
        book = kernels.open_book(**a, level=level)
    except REFUSED:
        return
    for _ in range(int(rng.integers(1, 30))):
        accounts, instruments = max(1, book.accounts), max(1, book.instruments)
        order: list[Any] = [int(rng.integers(accounts)), int(rng.integers(instruments)), float(rng.normal())]
        if rng.random() < 0.3:
            order[rng.integers(3)] = (ANYTHING + WHOLES + NUMBERS)[rng.integers(len(ANYTHING))]
        k = int(rng.integers(0, 5))
        many: list[Any] = [rng.integers(0, accounts, k), rng.integers(0, instruments, k), rng.normal(size=k)]
        if rng.random() < 0.3:
            at = int(rng.integers(3))
            many[at] = spoiled(rng, many[at], arrays)
        rows = min(k, instruments)
        which, pnl = rng.permutation(instruments)[:rows], rng.normal(size=(rows, book.scenarios))
        if rng.random() < 0.3:
            which, pnl = (spoiled(rng, x, arrays) if rng.random() < 0.5 else x for x in (which, pnl))
        steps: list[Callable[[], Any]] = [
            lambda order=order: book.worst(*order),
            lambda order=order: book.var(*order),
            lambda order=order: book.es(*order),
            lambda order=order: book.apply(*order),
            lambda many=many: book.worst_many(*many, threads=2),
            lambda many=many: book.es_many(*many),
            lambda many=many: book.var_many(*many),
            lambda which=which, pnl=pnl: book.reprice(which, pnl, threads=2),
            lambda: book.rebuild(threads=3),
            lambda order=order: book.losses(order[0]),
            book.positions,
            lambda: copy.copy(book).worst(0, 0, 1.0),
            lambda: pickle.loads(pickle.dumps(book)),
            lambda: type(book).__new__(type(book)).worst(0, 0, 1.0),
            lambda a=a: type(book).__init__(book, **a),
        ]
        try:
            steps[rng.integers(len(steps))]()
        except REFUSED:
            pass
        except (AttributeError, RuntimeError) as error:
            # what was made without being opened, or opened twice
            if "__init__" not in str(error) and "_lock" not in str(error):
                raise


def attack_while_written_to(rng: np.random.Generator, rounds: int) -> None:
    """The same calls while another thread writes anything to the arrays they were given: any answer will do."""
    chosen = calls()
    for _ in range(rounds):
        function, make = chosen[rng.integers(len(chosen))]
        a = make(rng)
        arrays = [v for v in a.values() if isinstance(v, np.ndarray) and v.size]
        done = threading.Event()

        def write(arrays: list[np.ndarray] = arrays, done: threading.Event = done) -> None:
            own = np.random.default_rng(1)
            while not done.is_set():
                for array in arrays:
                    if array.dtype.kind == "b":
                        array.view(np.uint8).flat[own.integers(array.size)] = own.integers(256)
                        continue
                    special = WHOLES if array.dtype.kind == "i" else NUMBERS
                    with np.errstate(over="ignore"):
                        array.flat[own.integers(array.size)] = special[own.integers(len(special))]
                        if array.dtype.kind == "f":
                            array[...] = own.choice([np.nan, 0.0, -1e300, 1.0])

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(20):
                try:
                    with np.errstate(all="ignore"):
                        function(**a)
                except REFUSED:
                    pass
        finally:
            done.set()
            writer.join()
