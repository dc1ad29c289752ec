#include "lognormal.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "mills.hpp"
#include "shards.hpp"
#include "tables.hpp"

namespace plimsoll {
namespace {

constexpr double kInverseRootTwoPi = 0.3989422804014327;

template <Mode mode>
PLIMSOLL_INLINE void cell_vol(double total_vol, double inverse_total_vol, const View& v, std::size_t s, double& w,
                              double& iw) {
    w = total_vol * v.scale[s];
    iw = inverse_total_vol * v.inverse_scale[s];
    if (mode == kPlain) return;
    if (mode == kShifted) w += v.shift[s];
    const double floor = v.floor[s];
    w = greatest(w, floor);
    iw = mode == kShifted ? 1.0 / w : least(iw, v.inverse_floor[s]);
    const double given = w;
    w = given >= kSaturation ? kSaturatedVol : given;
    iw = given >= kSaturation ? 1.0 / kSaturatedVol : iw;
}

template <bool Call, Mode mode, bool Add>
PLIMSOLL_INLINE void values_loop(const Row& row, const View& view, std::size_t width, double quantity,
                                 double* PLIMSOLL_RESTRICT result) {
    const View v = view;
    const double strike = row.strike, log_strike = row.log_strike, root_strike = row.root_strike;
    const double total_vol = row.total_vol, inverse_total_vol = 1.0 / total_vol;
    const double factor = Add ? row.discount * quantity : row.discount;
#pragma omp simd
    for (std::size_t s = 0; s < width; ++s) {
        const double f = v.forward[s];
        double w, iw;
        cell_vol<mode>(total_vol, inverse_total_vol, v, s, w, iw);
        const double h = magnitude(v.log_forward[s] - log_strike) * iw;
        const Terms x = terms<Quick>(h, 0.5 * w, v.root_forward[s] * root_strike);
        const double out = time_value(x, least(f, strike));
        const double inside = Call ? f - strike : strike - f;
        const double bound = Call ? f : strike;
        const double value = factor * least(out + greatest(inside, 0.0), bound);
        result[s] = Add ? result[s] + value : value;
    }
}

template <bool Call, Mode mode>
PLIMSOLL_INLINE void greeks_loop(const Row& row, const View& view, std::size_t width, double root_time,
                                 double* PLIMSOLL_RESTRICT value, double* PLIMSOLL_RESTRICT delta,
                                 double* PLIMSOLL_RESTRICT gamma, double* PLIMSOLL_RESTRICT vega,
                                 double* PLIMSOLL_RESTRICT theta) {
    const View v = view;
    const double strike = row.strike, log_strike = row.log_strike, root_strike = row.root_strike;
    const double total_vol = row.total_vol, inverse_total_vol = 1.0 / total_vol, discount = row.discount;
    const double vega_factor = discount * kInverseRootTwoPi * root_time;
    const double years = root_time * root_time;
    // less than this is no time, and its inverse need not be a number
    const double theta_factor = years >= std::numeric_limits<double>::min() ? -0.5 * discount * kInverseRootTwoPi / years : 0.0;
#pragma omp simd
    for (std::size_t s = 0; s < width; ++s) {
        const double f = v.forward[s];
        double w, iw;
        cell_vol<mode>(total_vol, inverse_total_vol, v, s, w, iw);
        const double h = magnitude(v.log_forward[s] - log_strike) * iw;
        const Terms x = terms<Quick>(h, 0.5 * w, v.root_forward[s] * root_strike);
        const double out = time_value(x, least(f, strike));
        const double inside = Call ? f - strike : strike - f;
        const double bound = Call ? f : strike;
        value[s] = discount * least(out + greatest(inside, 0.0), bound);
        // N(-|d1|) = g R(|d1|) / F, and d1 is the far argument when the forward is above the strike
        const double per = v.inverse_forward[s];
        const double quotient = f > strike ? x.pb * x.qa : x.pa * x.qb;
        const double d1 = f > strike ? 1.0 : x.near;
        const double tail = x.g * per * quotient * x.inverse;
        const double head = 1.0 - tail;
        const double inner = d1 > 0.0 ? head : tail;
        const double outer = d1 > 0.0 ? tail : head;
        delta[s] = Call ? discount * inner : -discount * outer;
        // no density where nothing is left to be uncertain about
        double g = w > kLeastVol ? x.g : 0.0;
        g = x.far < kFarthest ? g : 0.0;
        g = w < kSaturation ? g : 0.0;
        gamma[s] = discount * kInverseRootTwoPi * g * per * per * iw;
        vega[s] = vega_factor * g;
        theta[s] = theta_factor * g * w;
    }
    // a strike of zero is the forward itself, even where that is zero too
    if (strike == 0.0) std::fill(delta, delta + width, Call ? discount : 0.0);
}

#define PLIMSOLL_VALUES(name, call, mode, add)                                                                     \
    PLIMSOLL_CLONES void name(const Row& row, const View& view, std::size_t width, double quantity, double* out) { \
        values_loop<call, mode, add>(row, view, width, quantity, out);                                             \
    }
PLIMSOLL_VALUES(store_call_plain, true, kPlain, false)
PLIMSOLL_VALUES(store_put_plain, false, kPlain, false)
PLIMSOLL_VALUES(store_call_bounded, true, kBounded, false)
PLIMSOLL_VALUES(store_put_bounded, false, kBounded, false)
PLIMSOLL_VALUES(store_call_shifted, true, kShifted, false)
PLIMSOLL_VALUES(store_put_shifted, false, kShifted, false)
PLIMSOLL_VALUES(add_call_plain, true, kPlain, true)
PLIMSOLL_VALUES(add_put_plain, false, kPlain, true)
PLIMSOLL_VALUES(add_call_bounded, true, kBounded, true)
PLIMSOLL_VALUES(add_put_bounded, false, kBounded, true)
PLIMSOLL_VALUES(add_call_shifted, true, kShifted, true)
PLIMSOLL_VALUES(add_put_shifted, false, kShifted, true)
#undef PLIMSOLL_VALUES

#define PLIMSOLL_GREEKS(name, call, mode)                                                                 \
    PLIMSOLL_CLONES void name(const Row& row, const View& view, std::size_t width, double root_time,      \
                              double* value, double* delta, double* gamma, double* vega, double* theta) { \
        greeks_loop<call, mode>(row, view, width, root_time, value, delta, gamma, vega, theta);           \
    }
PLIMSOLL_GREEKS(greeks_call_plain, true, kPlain)
PLIMSOLL_GREEKS(greeks_put_plain, false, kPlain)
PLIMSOLL_GREEKS(greeks_call_bounded, true, kBounded)
PLIMSOLL_GREEKS(greeks_put_bounded, false, kBounded)
PLIMSOLL_GREEKS(greeks_call_shifted, true, kShifted)
PLIMSOLL_GREEKS(greeks_put_shifted, false, kShifted)
#undef PLIMSOLL_GREEKS

// [mode][call]
using ValuesLoop = void (*)(const Row&, const View&, std::size_t, double, double*);
constexpr ValuesLoop kStore[3][2] = {{store_put_plain, store_call_plain},
                                     {store_put_bounded, store_call_bounded},
                                     {store_put_shifted, store_call_shifted}};
constexpr ValuesLoop kAdd[3][2] = {{add_put_plain, add_call_plain},
                                   {add_put_bounded, add_call_bounded},
                                   {add_put_shifted, add_call_shifted}};
using GreeksLoop = void (*)(const Row&, const View&, std::size_t, double, double*, double*, double*, double*, double*);
constexpr GreeksLoop kGreeks[3][2] = {{greeks_put_plain, greeks_call_plain},
                                      {greeks_put_bounded, greeks_call_bounded},
                                      {greeks_put_shifted, greeks_call_shifted}};

// Whole vectors go where they belong, the columns after them through a room of their own.
struct Split {
    explicit Split(std::size_t width) : head(width / kStep * kStep), tail(width - head) {}
    std::size_t head, tail;
};

void store(const Row& row, const View& view, std::size_t width, double* out) {
    const Split split(width);
    const ValuesLoop loop = kStore[row.mode][row.call];
    loop(row, view, split.head, 1.0, out);
    if (split.tail) {
        double room[kStep];
        loop(row, view.from(split.head), kStep, 1.0, room);
        std::memcpy(out + split.head, room, split.tail * sizeof *out);
    }
    if (row.per_forward) {
        for (std::size_t s = 0; s < width; ++s) out[s] *= view.inverse_forward[s];
    }
}

void store_greeks(const Row& row, const View& view, std::size_t width, double root_time, double* const (&out)[5]) {
    const Split split(width);
    const GreeksLoop loop = kGreeks[row.mode][row.call];
    loop(row, view, split.head, root_time, out[0], out[1], out[2], out[3], out[4]);
    if (split.tail) {
        double room[5][kStep];
        loop(row, view.from(split.head), kStep, root_time, room[0], room[1], room[2], room[3], room[4]);
        for (std::size_t k = 0; k < 5; ++k) std::memcpy(out[k] + split.head, room[k], split.tail * sizeof(double));
    }
}

// `sum` and `room` have space for a padded width.
void add(const Row& row, const View& view, std::size_t width, double quantity, double* sum, double* room) {
    if (row.per_forward) {
        store(row, view, width, room);
        for (std::size_t s = 0; s < width; ++s) sum[s] += quantity * room[s];
    } else {
        kAdd[row.mode][row.call](row, view, padded(width), quantity, sum);
    }
}

// work(view of the group, row, width, first column) for each instrument of a shard, tile by tile.
template <typename Work>
void for_tiles(const Instruments& x, const Prepared& prepared, std::size_t threads, Work&& work) {
    const std::size_t scenarios = prepared.tables.scenarios;
    for_shards(x.count, threads, [&](std::size_t begin, std::size_t end) {
        for (std::size_t left = 0; left < scenarios; left += kTile) {
            const std::size_t width = std::min(kTile, scenarios - left);
            for (std::size_t i = begin; i < end; ++i) {
                work(i, Row(x, prepared, i), View(prepared, static_cast<std::size_t>(x.group[i]), left), width,
                     i * scenarios + left);
            }
        }
    });
}

}  // namespace

void lognormal_values(const Instruments& x, const Tables& tables, std::size_t threads, double* value) {
    for_tiles(x, Prepared(tables), threads,
              [&](std::size_t, const Row& row, const View& view, std::size_t width, std::size_t at) {
                  store(row, view, width, value + at);
              });
}

void lognormal_greeks(const Instruments& x, const Tables& tables, const double* root_time, std::size_t threads,
                      double* value, const Derivatives& to) {
    for_tiles(x, Prepared(tables), threads,
              [&](std::size_t i, const Row& row, const View& view, std::size_t width, std::size_t at) {
                  double* const out[5] = {value + at, to.delta + at, to.gamma + at, to.vega + at, to.theta + at};
                  store_greeks(row, view, width, root_time[i], out);
              });
}

void lognormal_book(const Instruments& x, const Tables& tables, const double* quantity, std::size_t threads,
                    double* total) {
    const std::size_t scenarios = tables.scenarios;
    const std::size_t tiles = (scenarios + kTile - 1) / kTile;
    for_shards(tiles, threads, [&](std::size_t begin, std::size_t end) {
        std::vector<double> sum(kTile), room(kTile);
        for (std::size_t tile = begin; tile < end; ++tile) {
            const std::size_t left = tile * kTile, width = std::min(kTile, scenarios - left);
            const Prepared prepared(tables, left, width);
            std::fill(sum.begin(), sum.end(), 0.0);
            for (std::size_t i = 0; i < x.count; ++i) {
                const View view(prepared, static_cast<std::size_t>(x.group[i]), 0);
                add(Row(x, prepared, i), view, width, quantity[i], sum.data(), room.data());
            }
            std::copy(sum.begin(), sum.begin() + static_cast<std::ptrdiff_t>(width), total + left);
        }
    });
}

}  // namespace plimsoll
