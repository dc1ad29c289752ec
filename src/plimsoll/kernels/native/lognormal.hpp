// Expected payoffs under a lognormal law. The formula, the limits and the meaning of each array are those of
// plimsoll/kernels/lognormal.py, whose numpy twin the tests hold equal.
#pragma once

#include <cstddef>
#include <cstdint>

namespace plimsoll {

constexpr double kSaturation = 24.0;
constexpr double kSaturatedVol = 1.0e9;
constexpr double kLeastVol = 1.0e-18;
constexpr double kLogZero = -1.0e5;

// Tables of E groups of instruments in S scenarios, row-major [E, S].
struct Tables {
    std::size_t groups, scenarios;
    const double* forward;
    const double* vol_scale;
    const double* vol_shift;  // null when there is none anywhere
    const double* vol_floor;  // null when there is none anywhere
    const double* discount;   // [E]
};

// N instruments; arrays [N].
struct Instruments {
    std::size_t count;
    const std::int64_t* group;
    const double* strike;
    const double* total_vol;
    const std::uint8_t* call;         // any byte but 0 is true
    const std::uint8_t* per_forward;  // value over the forward of its column (0 where that is 0); null when none is
};

// Derivatives of the value before discounting by time, each [N, S].
struct Derivatives {
    double* delta;
    double* gamma;
    double* vega;
    double* theta;
};

// value[i, s] = discount[g] * black(forward[g, s], strike[i], w), w = max(total_vol[i] * scale + shift, floor)
void lognormal_values(const Instruments& instruments, const Tables& tables, std::size_t threads, double* value);

// The same with the derivatives; root_time is [N], the square root of the time to expiry. per_forward is not read.
void lognormal_greeks(const Instruments& instruments, const Tables& tables, const double* root_time,
                      std::size_t threads, double* value, const Derivatives& derivatives);

// total[s] = sum_i quantity[i] * value[i, s], added in stored order; the array of values is never stored.
void lognormal_book(const Instruments& instruments, const Tables& tables, const double* quantity, std::size_t threads,
                    double* total);

// value[i] = black(forward[i], strike[i], total_vol[i]), element by element; a total volatility may be infinite.
void lognormal_elements(std::size_t count, const double* forward, const double* strike, const double* total_vol,
                        const std::uint8_t* call, std::size_t threads, double* value);

}  // namespace plimsoll
