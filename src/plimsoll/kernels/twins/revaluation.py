"""Instrument x scenario arrays in tiles of plain numpy; arguments were checked by `plimsoll.kernels.revaluation`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from plimsoll.kernels.checks import FloatArray
from plimsoll.kernels.lognormal import LEAST_VOL, SATURATION, combine, d1_d2, log_table, normal_cdf, normal_pdf

if TYPE_CHECKING:
    from plimsoll.kernels.revaluation import Cells

#: Scratch memory of one tile in bytes: with the output rows it stays within a 1 MB level-2 cache. Measured
#: flat around it.
BLOCK_BYTES = 256 * 1024


def values(cells: Cells, out: FloatArray, block_bytes: int = BLOCK_BYTES) -> FloatArray:
    """Fill ``out`` [N, S] in tiles of rows x scenarios whose scratch fits ``block_bytes``; no bit depends on it."""
    count, scenarios = out.shape
    group = cells.group
    floor = np.full(cells.forward.shape, LEAST_VOL) if cells.vol_floor is None else cells.vol_floor
    shift = np.zeros(cells.forward.shape) if cells.vol_shift is None else cells.vol_shift
    tables = (log_table(cells.forward), cells.forward, cells.vol_scale, shift, np.maximum(floor, LEAST_VOL))
    with np.errstate(over="ignore"):
        widest = cells.total_vol * cells.vol_scale.max(axis=1)[group] + shift.max(axis=1)[group]
    saturates = bool(widest.max() >= SATURATION or floor.max() >= SATURATION)
    log_strike = log_table(cells.strike)[:, None]
    strike, total_vol = cells.strike[:, None], cells.total_vol[:, None]
    side = np.where(cells.call, 1.0, -1.0)[:, None]
    row_discount = cells.discount[group][:, None]
    size_of = block_bytes // (2 * out.itemsize)
    width = min(scenarios, size_of)
    height = min(count, max(1, size_of // width))
    scratch_vol, scratch_log = np.empty((2, height * width))
    gathered = np.empty((len(tables), height * width))
    for top in range(0, count, height):
        rows = slice(top, min(top + height, count))
        members = group[rows]
        # Rows of one group read its tables in place; a mixed tile gathers them first.
        alone = bool((members == members[0]).all())
        for left in range(0, scenarios, width):
            columns = slice(left, min(left + width, scenarios))
            target = out[rows, columns]
            shape, size = target.shape, target.size
            if alone:
                views = [table[members[0], columns] for table in tables]
            else:
                views = [
                    np.take(table[:, columns], members, axis=0, out=room[:size].reshape(shape), mode="clip")
                    for table, room in zip(tables, gathered, strict=True)
                ]
            log_forward, forward, tile_scale, tile_shift, tile_floor = views
            vol = scratch_vol[:size].reshape(shape)
            distance = scratch_log[:size].reshape(shape)
            with np.errstate(under="ignore", over="ignore"):
                np.multiply(total_vol[rows], tile_scale, out=vol)
                np.add(vol, tile_shift, out=vol)
                np.maximum(vol, tile_floor, out=vol)
                np.subtract(log_forward, log_strike[rows], out=distance)
                combine(target, vol, distance, forward, strike[rows], side[rows], saturates)
                np.multiply(target, row_discount[rows], out=target)
    if cells.per_forward is not None and cells.per_forward.any():
        paid = np.flatnonzero(cells.per_forward)
        forward = cells.forward[group[paid]]
        out[paid] = np.divide(out[paid], forward, out=np.zeros_like(forward), where=forward > 0.0)
    return out


def greeks(cells: Cells, root_time: FloatArray, out: FloatArray) -> FloatArray:
    """Fill ``out`` [5, N, S] with value, delta, gamma, vega, theta."""
    values(cells._replace(per_forward=None), out[0])
    group = cells.group
    forward, strike, call = cells.forward[group], cells.strike[:, None], cells.call[:, None]
    discount, root = cells.discount[group][:, None], root_time[:, None]
    with np.errstate(under="ignore", over="ignore"):
        vol = cells.total_vol[:, None] * cells.vol_scale[group]
        if cells.vol_shift is not None:
            vol = vol + cells.vol_shift[group]
        vol = np.maximum(vol, LEAST_VOL if cells.vol_floor is None else cells.vol_floor[group])
        d1, d2 = d1_d2(forward, strike, vol)
        delta = np.where(call, normal_cdf(d1), -normal_cdf(-d1))
        out[1] = discount * np.where(strike == 0.0, np.where(call, 1.0, 0.0), delta)
        smooth = (vol > LEAST_VOL) & (vol < SATURATION) & (forward > 0.0) & (np.abs(d1) < 38.0) & (np.abs(d2) < 38.0)
        density = np.where(smooth, discount * normal_pdf(np.where(smooth, d1, 0.0)), 0.0)
        out[2] = density / np.where(smooth, forward * vol, 1.0)
        out[3] = density * forward * root
        # less than the smallest normal number is no time
        years = np.where(root * root >= np.finfo(np.float64).tiny, root * root, 0.0)
        out[4] = np.divide(
            -0.5 * density * forward * vol, years, out=np.zeros_like(vol), where=np.broadcast_to(years > 0.0, vol.shape)
        )
    return out


def book(cells: Cells, quantity: FloatArray) -> FloatArray:
    """``sum_i quantity[i] * value[i, s]``, a block of scenarios at a time."""
    count, scenarios = cells.shape
    total = np.zeros(scenarios)
    width = max(1, BLOCK_BYTES // 8 // max(1, min(count, 64)))
    for left in range(0, scenarios, width):
        columns = slice(left, min(left + width, scenarios))
        part = cells._replace(
            forward=np.ascontiguousarray(cells.forward[:, columns]),
            vol_scale=np.ascontiguousarray(cells.vol_scale[:, columns]),
            vol_shift=None if cells.vol_shift is None else np.ascontiguousarray(cells.vol_shift[:, columns]),
            vol_floor=None if cells.vol_floor is None else np.ascontiguousarray(cells.vol_floor[:, columns]),
        )
        room = values(part, np.empty((count, part.forward.shape[1])))
        for i in range(count):
            total[columns] += quantity[i] * room[i]
    return total
