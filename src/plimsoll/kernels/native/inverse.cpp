#include "inverse.hpp"

#include <algorithm>
#include <cmath>

#include "shards.hpp"

namespace plimsoll {
namespace {

constexpr double kRootTwoPi = 2.5066282746310002;
constexpr double kHalfLogTwoPi = 0.9189385332046727;
constexpr double kSaturation = 24.0;
constexpr double kSeriesBelow = 5e-3;
constexpr int kMostSteps = 50;

template <std::size_t Size>
double polynomial(const double (&c)[Size], double x) {
    double value = c[Size - 1];
    for (std::size_t i = Size - 1; i > 0; --i) value = value * x + c[i - 1];
    return value;
}

// exp(d^2/2) N(-d) for d >= 0 with a relative error of some units of rounding at every distance: three minimax
// quotients made for this file, relative errors 1.1e-17, 2.0e-18 and 9.0e-19.
double mills(double d) {
    if (d < 3.0) {
        static const double p[] = {0.5, 0.4801890645655487, 0.23577126783814248, 0.06891061556564697,
                                   0.012496860487539042, 0.0013186542029697084, 6.341541931379265e-05,
                                   -2.5405695000704273e-10};
        static const double q[] = {1.0, 1.7582626899339653, 1.3744331898102164, 0.6212904284379887,
                                   0.1761253847282414, 0.0314756279646016, 0.0033059643029658,
                                   0.00015893136747204857};
        return polynomial(p, d) / polynomial(q, d);
    }
    if (d < 10.0) {
        static const double p[] = {0.5000057463294668, 0.6432701292691555, 0.40246026237383803, 0.15301620588551323,
                                   0.03734873349376865, 0.005622945949175538, 0.00044704953677504166};
        static const double q[] = {1.0, 2.084482375889995, 1.967954432799995, 1.1001860043249385,
                                   0.3976499249523891, 0.09473995893745824, 0.0140946357381052,
                                   0.0011205870044892123};
        return polynomial(p, d) / polynomial(q, d);
    }
    static const double p[] = {0.3989422804014327, 12.909410541276717, 117.2565129580836, 303.423712670145,
                               107.92911848702452};
    static const double q[] = {1.0, 33.35909347158369, 324.27758423699805, 999.77076114375, 692.8626193119193};
    const double u = 1.0 / (d * d);
    return polynomial(p, u) / (polynomial(q, u) * d);
}

// N(z) / n(z)
double ratio(double z) {
    return z <= 0.0 ? kRootTwoPi * mills(-z) : kRootTwoPi * (std::exp(0.5 * z * z) - mills(z));
}

// ratio(h + t) - ratio(h - t); for small t a series, since the derivatives follow from each other.
double ratio_gap(double h, double t) {
    if (t >= kSeriesBelow) return ratio(h + t) - ratio(h - t);
    const double y0 = ratio(h);
    const double y1 = 1.0 + h * y0;
    const double y2 = y0 + h * y1;
    const double y3 = 2.0 * y1 + h * y2;
    const double y4 = 3.0 * y2 + h * y3;
    const double y5 = 4.0 * y3 + h * y4;
    return 2.0 * t * (y1 + t * t / 6.0 * (y3 + t * t / 20.0 * y5));
}

struct Solution {
    double total, slope;
    bool converged;
};

double clipped(double value, double low, double high) { return std::min(std::max(value, low), high); }

Solution solved(double x, double log_target) {
    // b <= s / sqrt(2 pi) bounds s from below, and so does |h| < 60, beyond which b is far under the least number
    double low = std::max(kHalfLogTwoPi + log_target, std::log(std::max(-x / 60.0, 1e-320)));
    double high = std::log(kSaturation);
    const double spread = 0.5 * std::log(std::max(-x, 1e-300));
    double v = std::max(kHalfLogTwoPi + log_target, spread);
    if (log_target < -4.0 + spread) {
        v = std::max(std::log(-x / std::sqrt(std::max(-2.0 * log_target, 1e-2))), low);
    }
    v = clipped(v, low, high);
    Solution found{0.0, 1.0, false};
    for (int step_number = 0; step_number < kMostSteps; ++step_number) {
        const double s = std::exp(v), h = x / s, t = 0.5 * s;
        const double gap = ratio_gap(h, t);
        const double error = std::log(gap) - 0.5 * (h * h + t * t) - kHalfLogTwoPi - log_target;
        found.slope = s / gap;
        (error < 0.0 ? low : high) = v;
        const double newton = -error / found.slope;
        // Halley: the correction is kept away from turning or multiplying the step
        const double bend = 1.0 + h * h - t * t - found.slope;
        const double step = newton / clipped(1.0 + 0.5 * newton * bend, 0.3, 3.0);
        const double target = v + step;
        if (std::fabs(step) <= 1e-8) {  // cubic convergence: the next step would be below rounding
            v = target;
            found.converged = true;
            break;
        }
        v = target >= low && target <= high ? target : 0.5 * (low + high);
    }
    found.total = std::exp(v);
    return found;
}

}  // namespace

void lognormal_inverse(std::size_t count, const double* x, const double* log_target, std::size_t threads,
                       double* total, double* slope, bool* converged) {
    for_shards(count, threads, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            const Solution found = solved(x[i], log_target[i]);
            total[i] = found.total;
            slope[i] = found.slope;
            converged[i] = found.converged;
        }
    });
}

}  // namespace plimsoll
