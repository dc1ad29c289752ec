// The inner loops of prices, as a table of functions: one table per instruction set, the best that this processor has is
// chosen once.
#pragma once

#include <cstddef>

namespace plimsoll {

// Arguments beyond this are cut: N(-37.5) is 4.6e-308, and the exponential of every cut argument stays a normal number.
constexpr double kFarthest = 37.5;

// Elements done at a time, a multiple of every vector.
constexpr std::size_t kElements = 64;

// What a row asks of the total volatility and of its two arguments. Plain and bounded give the same bits wherever no bound
// binds, so that a value depends on its own row and column only; an additive shock costs one more division.
enum Mode { kPlain, kBounded, kShifted };

// Columns of one group, whole vectors of them.
struct View {
    const double *forward, *scale, *log_forward, *root_forward, *inverse_forward, *inverse_scale, *floor,
        *inverse_floor, *shift;
};

struct Row {
    double strike, log_strike, root_strike, total_vol, discount;
};

struct LognormalLoops {
    // out[s] = value, for s below `width`; adding, out[s] += quantity * value for whole vectors of columns
    using Values = void (*)(const Row&, const View&, std::size_t width, double quantity, double* out);
    Values store[3][2], add[3][2];  // [mode][call]
    Values bare[2];                 // `store`, plain, with a discount factor of 1
    // value, delta, gamma, vega, theta
    using Greeks = void (*)(const Row&, const View&, std::size_t width, double root_time, double* const* out);
    Greeks greeks[3][2];
    // values of kElements options; side is 1 for a call and -1 for a put
    void (*elements)(const double* forward, const double* strike, const double* total_vol, const double* side,
                     double* value);
    // of whole vectors: 1 / x; ln x and the square root, kLogZero for ln 0
    void (*inverses)(const double* in, std::size_t size, double* out);
    void (*logarithms)(const double* in, std::size_t size, double* out, double* root);
};

const LognormalLoops& lognormal_loops();

}  // namespace plimsoll
