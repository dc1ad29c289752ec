// The total volatility at which a normalised time value is reached; formulas in plimsoll/kernels/inverse.py.
#pragma once

#include <cstddef>

namespace plimsoll {

// x = -|ln(F/K)| and log_target, the logarithm of time value / sqrt(F K), are [count]; total, slope and converged are
// filled. slope is d ln(time value) / d ln(total volatility) at the last iterate.
void lognormal_inverse(std::size_t count, const double* x, const double* log_target, std::size_t threads,
                       double* total, double* slope, bool* converged);

}  // namespace plimsoll
