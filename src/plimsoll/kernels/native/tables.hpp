// The scenario tables of lognormal.cpp, worked out once per call, and what one row takes from them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "aligned.hpp"
#include "lognormal.hpp"
#include "lognormal_loops.hpp"

namespace plimsoll {

// Columns done at a time: the tables of one group and the rows written stay within 48 KB.
constexpr std::size_t kTile = 512;
// Loops run over whole vectors only, on tables padded to this many columns.
constexpr std::size_t kStep = 8;

constexpr std::size_t padded(std::size_t width) { return (width + kStep - 1) / kStep * kStep; }

// What the tables give for all instruments of a group, worked out once for at most `most` columns at a time.
class Prepared {
  public:
    Prepared(const Tables& given, std::size_t most, bool per_forward)
        : tables(given), stride(padded(most)), size_(given.groups * stride), range_(given.groups) {
        const bool own[kColumns] = {true, true, true, true, per_forward, true, given.vol_floor != nullptr,
                                    given.vol_floor != nullptr, given.vol_shift != nullptr};
        std::size_t at[kColumns], room = 0;
        for (std::size_t c = 0; c < kColumns; ++c) {
            at[c] = room;
            step_[c] = own[c] ? 1 : 0;
            room += own[c] ? size_ : stride;
        }
        pool_ = Aligned<double>(room);
        for (std::size_t c = 0; c < kColumns; ++c) start_[c] = pool_.data() + at[c];
        if (!per_forward) std::fill(start_[4], start_[4] + stride, 0.0);
        if (!given.vol_floor) {
            std::fill(start_[6], start_[6] + stride, kLeastVol);
            std::fill(start_[7], start_[7] + stride, 1.0 / kLeastVol);
        }
        if (!given.vol_shift) std::fill(start_[8], start_[8] + stride, 0.0);
        per_forward_ = per_forward;
    }

    // From here on the columns [left, left + width) are column 0 and on of every view.
    void take(std::size_t left, std::size_t width) {
        for (std::size_t g = 0; g < tables.groups; ++g) {
            const std::size_t from = g * tables.scenarios + left;
            fill(g, from, width);
            Range range;
            const double *scale = column(1, g * stride), *log_forward = column(2, g * stride);
            for (std::size_t s = 0; s < width; ++s) {
                range.top = std::max(range.top, scale[s]);
                range.bottom = std::min(range.bottom, scale[s]);
                range.high = std::max(range.high, log_forward[s]);
                range.low = std::min(range.low, log_forward[s]);
            }
            range_[g] = range;
        }
    }

    Mode mode_of(std::size_t group, double total_vol, double log_strike) const {
        if (tables.vol_shift) return kShifted;
        if (tables.vol_floor) return kBounded;
        const Range& range = range_[group];
        // a vanishing volatility would meet a vanishing distance as 0 * inf
        if (!(total_vol > 1e-12 && range.bottom > 1e-3)) return kBounded;
        const double distance = std::max(std::fabs(range.high - log_strike), std::fabs(range.low - log_strike));
        const double widest = total_vol * range.top;
        const bool plain = widest < kSaturation && distance / (total_vol * range.bottom) + 0.5 * widest < 0.99 * kFarthest;
        return plain ? kPlain : kBounded;
    }

    // A column of a group from its `left` on; one that is the same for all groups is there once.
    const double* column(std::size_t which, std::size_t group, std::size_t left) const {
        return start_[which] + step_[which] * group * stride + left;
    }

    const Tables tables;
    const std::size_t stride;

  private:
    static constexpr std::size_t kColumns = 9;

    double* column(std::size_t which, std::size_t at) { return start_[which] + at; }

    // columns after the last one are like it
    void copy(const double* from, std::size_t width, double* to) const {
        std::copy(from, from + width, to);
        std::fill(to + width, to + padded(width), from[width - 1]);
    }

    void fill(std::size_t group, std::size_t from, std::size_t width) {
        const LognormalLoops& loop = lognormal_loops();
        const std::size_t at = group * stride, size = padded(width);
        copy(tables.forward + from, width, column(0, at));
        copy(tables.vol_scale + from, width, column(1, at));
        loop.logarithms(column(0, at), size, column(2, at), column(3, at));
        loop.inverses(column(1, at), size, column(5, at));
        if (per_forward_) {
            loop.inverses(column(0, at), size, column(4, at));
            for (std::size_t s = 0; s < size; ++s) {
                if (!(column(0, at)[s] > 0.0)) column(4, at)[s] = 0.0;
            }
        }
        if (tables.vol_floor) {
            copy(tables.vol_floor + from, width, column(6, at));
            for (std::size_t s = 0; s < size; ++s) column(6, at)[s] = std::max(column(6, at)[s], kLeastVol);
            loop.inverses(column(6, at), size, column(7, at));
        }
        if (tables.vol_shift) copy(tables.vol_shift + from, width, column(8, at));
    }

    struct Range {
        double top = 0.0, bottom = 1.0, high = -std::numeric_limits<double>::infinity(),
               low = std::numeric_limits<double>::infinity();
    };
    std::size_t size_;
    bool per_forward_ = false;
    Aligned<double> pool_;
    double* start_[kColumns];
    std::size_t step_[kColumns];
    std::vector<Range> range_;
};

// What the strikes give, worked out once.
class Strikes {
  public:
    explicit Strikes(const Instruments& x) : size_(padded(x.count)), pool_(3 * size_) {
        double* strike = pool_.data();
        std::copy(x.strike, x.strike + x.count, strike);
        std::fill(strike + x.count, strike + size_, 1.0);
        lognormal_loops().logarithms(strike, size_, strike + size_, strike + 2 * size_);
    }
    double log(std::size_t i) const { return pool_.data()[size_ + i]; }
    double root(std::size_t i) const { return pool_.data()[2 * size_ + i]; }

  private:
    std::size_t size_;
    Aligned<double> pool_;
};

// One group's columns from `left` on.
inline View view_of(const Prepared& p, std::size_t group, std::size_t left) {
    return {p.column(0, group, left), p.column(1, group, left), p.column(2, group, left),
            p.column(3, group, left), p.column(4, group, left), p.column(5, group, left),
            p.column(6, group, left), p.column(7, group, left), p.column(8, group, left)};
}

struct Instrument {
    Instrument(const Instruments& x, const Strikes& strikes, const Prepared& p, std::size_t i)
        : row{x.strike[i], strikes.log(i), strikes.root(i), x.total_vol[i],
              p.tables.discount[x.group[i]]},
          call(x.call[i] != 0),
          per_forward(x.per_forward && x.per_forward[i] != 0),
          mode(p.mode_of(static_cast<std::size_t>(x.group[i]), row.total_vol, row.log_strike)) {}
    Row row;
    bool call, per_forward;
    Mode mode;
};

}  // namespace plimsoll
