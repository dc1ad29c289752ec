// The scenario tables of lognormal.cpp, worked out once per call, and what one row takes from them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "lognormal.hpp"

namespace plimsoll {

// Columns done at a time: the tables of one group and the rows written stay within 48 KB.
constexpr std::size_t kTile = 512;
// Loops run over whole vectors only, on tables padded to this many columns: what a remainder loop would round
// otherwise could change the last bit of a column with its neighbours.
constexpr std::size_t kStep = 8;

constexpr std::size_t padded(std::size_t width) { return (width + kStep - 1) / kStep * kStep; }

// What a row asks of the total volatility. Plain and bounded give the same bits wherever no bound binds, so that a value
// depends on its own row and column only; an additive shock costs one more division.
enum Mode { kPlain, kBounded, kShifted };

// What the tables give for all instruments of a group, worked out once.
class Prepared {
  public:
    explicit Prepared(const Tables& given) : Prepared(given, 0, given.scenarios) {}

    // Only the columns [left, left + width), which are column 0 and on of every view.
    Prepared(const Tables& given, std::size_t left, std::size_t width)
        : tables(given),
          stride(padded(width)),
          size_(given.groups * stride),
          pool_(9 * size_),
          range_(given.groups) {
        for (std::size_t g = 0; g < given.groups; ++g) {
            for (std::size_t s = 0; s < stride; ++s) {
                const std::size_t from = g * given.scenarios + left + std::min(s, width - 1);
                fill(given, from, g * stride + s);
            }
        }
        for (std::size_t g = 0; g < given.groups; ++g) {
            const double* scale = given.vol_scale + g * given.scenarios + left;
            for (std::size_t s = 0; s < width; ++s) {
                range_[g].top = std::max(range_[g].top, scale[s]);
                range_[g].bottom = std::min(range_[g].bottom, scale[s]);
            }
        }
    }

    Mode mode_of(std::size_t group, double total_vol) const {
        if (tables.vol_shift) return kShifted;
        // a vanishing volatility would meet a vanishing distance as 0 * inf
        const bool plain = !tables.vol_floor && total_vol * range_[group].top < kSaturation &&
                           total_vol > 1e-12 && range_[group].bottom > 1e-3;
        return plain ? kPlain : kBounded;
    }

    const double* column(std::size_t which, std::size_t at) const { return pool_.data() + which * size_ + at; }

    const Tables tables;
    const std::size_t stride;

  private:
    void fill(const Tables& given, std::size_t from, std::size_t to) {
        const double f = given.forward[from];
        const double least_vol = std::max(given.vol_floor ? given.vol_floor[from] : 0.0, kLeastVol);
        const double columns[9] = {f,
                                   given.vol_scale[from],
                                   f > 0.0 ? std::log(f) : kLogZero,
                                   std::sqrt(f),
                                   f > 0.0 ? 1.0 / f : 0.0,
                                   1.0 / given.vol_scale[from],
                                   least_vol,
                                   1.0 / least_vol,
                                   given.vol_shift ? given.vol_shift[from] : 0.0};
        for (std::size_t k = 0; k < 9; ++k) pool_[k * size_ + to] = columns[k];
    }

    struct Range {
        double top = 0.0, bottom = 1.0;
    };
    std::size_t size_;
    std::vector<double> pool_;
    std::vector<Range> range_;
};

// One group's columns from `left` on.
struct View {
    View(const Prepared& p, std::size_t group, std::size_t left) {
        const std::size_t at = group * p.stride + left;
        forward = p.column(0, at);
        scale = p.column(1, at);
        log_forward = p.column(2, at);
        root_forward = p.column(3, at);
        inverse_forward = p.column(4, at);
        inverse_scale = p.column(5, at);
        floor = p.column(6, at);
        inverse_floor = p.column(7, at);
        shift = p.column(8, at);
    }

    View from(std::size_t s) const {
        View later = *this;
        for (const double** one : {&later.forward, &later.scale, &later.log_forward, &later.root_forward,
                                   &later.inverse_forward, &later.inverse_scale, &later.floor, &later.inverse_floor,
                                   &later.shift}) {
            *one += s;
        }
        return later;
    }

    const double *forward, *scale, *log_forward, *root_forward, *inverse_forward, *inverse_scale, *floor,
        *inverse_floor, *shift;
};

struct Row {
    Row(const Instruments& x, const Prepared& p, std::size_t i)
        : strike(x.strike[i]),
          log_strike(strike > 0.0 ? std::log(strike) : kLogZero),
          root_strike(std::sqrt(strike)),
          total_vol(x.total_vol[i]),
          discount(p.tables.discount[x.group[i]]),
          call(x.call[i] != 0),
          per_forward(x.per_forward && x.per_forward[i] != 0),
          mode(p.mode_of(static_cast<std::size_t>(x.group[i]), total_vol)) {}
    double strike, log_strike, root_strike, total_vol, discount;
    bool call, per_forward;
    Mode mode;
};

}  // namespace plimsoll
