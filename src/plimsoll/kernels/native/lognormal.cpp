#include "lognormal.hpp"

#include <algorithm>
#include <vector>

#include "shards.hpp"
#include "tables.hpp"

namespace plimsoll {
namespace {

void store(const Instrument& x, const View& view, std::size_t width, double* out) {
    const LognormalLoops& loop = lognormal_loops();
    const bool bare = x.mode == kPlain && x.row.discount == 1.0;
    (bare ? loop.bare : loop.store[x.mode])[x.call](x.row, view, width, 1.0, out);
    if (x.per_forward) {
        for (std::size_t s = 0; s < width; ++s) out[s] *= view.inverse_forward[s];
    }
}

// `sum` and `room` have space for a padded width.
void add(const Instrument& x, const View& view, std::size_t width, double quantity, double* sum, double* room) {
    if (x.per_forward) {
        store(x, view, width, room);
        for (std::size_t s = 0; s < width; ++s) sum[s] += quantity * room[s];
    } else {
        lognormal_loops().add[x.mode][x.call](x.row, view, padded(width), quantity, sum);
    }
}

bool any_per_forward(const Instruments& x) {
    return x.per_forward && std::any_of(x.per_forward, x.per_forward + x.count, [](std::uint8_t one) { return one != 0; });
}

// Instruments that one thread takes at a time.
constexpr std::size_t kPiece = 64;

// work(number, instrument, view of its group, width, first column) for each instrument of a shard, tile by tile.
template <typename Work>
void for_tiles(const Instruments& x, const Tables& tables, bool per_forward, std::size_t threads, Work&& work) {
    if (!tables.scenarios) return;
    Prepared prepared(tables, tables.scenarios, per_forward);
    prepared.take(0, tables.scenarios);
    const Strikes strikes(x);
    for_pieces(x.count, kPiece, threads, [&](std::size_t begin, std::size_t end) {
        for (std::size_t left = 0; left < tables.scenarios; left += kTile) {
            const std::size_t width = std::min(kTile, tables.scenarios - left);
            for (std::size_t i = begin; i < end; ++i) {
                work(i, Instrument(x, strikes, prepared, i),
                     view_of(prepared, static_cast<std::size_t>(x.group[i]), left), width, i * tables.scenarios + left);
            }
        }
    });
}

}  // namespace

void lognormal_values(const Instruments& x, const Tables& tables, std::size_t threads, double* value) {
    for_tiles(x, tables, any_per_forward(x), threads,
              [&](std::size_t, const Instrument& one, const View& view, std::size_t width, std::size_t at) {
                  store(one, view, width, value + at);
              });
}

void lognormal_greeks(const Instruments& x, const Tables& tables, const double* root_time, std::size_t threads,
                      double* value, const Derivatives& to) {
    for_tiles(x, tables, true, threads,
              [&](std::size_t i, const Instrument& one, const View& view, std::size_t width, std::size_t at) {
                  double* const out[5] = {value + at, to.delta + at, to.gamma + at, to.vega + at, to.theta + at};
                  lognormal_loops().greeks[one.mode][one.call](one.row, view, width, root_time[i], out);
              });
}

void lognormal_book(const Instruments& x, const Tables& tables, const double* quantity, std::size_t threads,
                    double* total) {
    const std::size_t scenarios = tables.scenarios;
    const std::size_t tiles = (scenarios + kTile - 1) / kTile;
    const bool per_forward = any_per_forward(x);
    const Strikes strikes(x);
    for_shards(tiles, threads, [&](std::size_t begin, std::size_t end) {
        std::vector<double> sum(kTile), room(kTile);
        Prepared prepared(tables, std::min(kTile, scenarios), per_forward);
        for (std::size_t tile = begin; tile < end; ++tile) {
            const std::size_t left = tile * kTile, width = std::min(kTile, scenarios - left);
            prepared.take(left, width);
            std::fill(sum.begin(), sum.end(), 0.0);
            for (std::size_t i = 0; i < x.count; ++i) {
                const View view = view_of(prepared, static_cast<std::size_t>(x.group[i]), 0);
                add(Instrument(x, strikes, prepared, i), view, width, quantity[i], sum.data(), room.data());
            }
            std::copy(sum.begin(), sum.begin() + static_cast<std::ptrdiff_t>(width), total + left);
        }
    });
}

}  // namespace plimsoll
