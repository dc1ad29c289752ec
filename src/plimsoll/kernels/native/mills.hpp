// The normal distribution without a branch: one exponential and one quotient of polynomials.
//
// N(-d) = exp(-d^2/2) R(d) for d >= 0, where R is half the scaled complementary error function of d / sqrt 2. Both fits P/Q
// were made for this file (Lawson iteration in 60 digits). `Quick` has degrees 6 and 7: exp(-d^2/2) |P/Q - R| <= 3.4e-17 everywhere, which is what
// a price needs beside its forward, and |P/Q - R| <= 3.3e-6 R up to d = 40. `Sharp` has degrees 9 and 10: |P/Q - R| <= 5.8e-17 R
// up to d = 40, so that a price far out of the money is right in its own digits.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "vector.hpp"

namespace plimsoll {

// Arguments beyond this are cut: N(-37.5) is 4.6e-308, and the exponential of every cut argument stays a normal number.
constexpr double kFarthest = 37.5;

struct Quick {
    static PLIMSOLL_INLINE double p(double d) {
        return (((((8.240691914358368e-05 * d + 0.0016266964982433387) * d + 0.014727563014229762) * d +
                  0.0780081736342684) * d + 0.25674255935563106) * d + 0.5048254276715994) * d + 0.5;
    }
    static PLIMSOLL_INLINE double q(double d) {
        return ((((((0.00020656031557031906 * d + 0.004077659343144508) * d + 0.03712026352272917) * d +
                   0.19965331609832282) * d + 0.6796825126651779) * d + 1.4556897203580073) * d +
                1.8075354161460795) * d + 1.0;
    }
};

struct Sharp {
    static PLIMSOLL_INLINE double p(double d) {
        return ((((((((1.3782504336057949e-06 * d + 3.7097683258901064e-05) * d + 0.000488784071647959) * d +
                     0.0040785284484716085) * d + 0.02357370742562903) * d + 0.09754588902085755) * d +
                  0.28900306504808565) * d + 0.5936016305168467) * d + 0.7745796915883968) * d + 0.5;
    }
    static PLIMSOLL_INLINE double q(double d) {
        return (((((((((3.4547615064087267e-06 * d + 9.299010177797754e-05) * d + 0.0012286547358848238) * d +
                      0.01031634481851905) * d + 0.06030881244560177) * d + 0.25454864631689234) * d +
                   0.7810981678511002) * d + 1.7129291318359785) * d + 2.559873387461187) * d +
                2.347043943979651) * d + 1.0;
    }
};

// exp(x) to 1 unit in the last place for -708 <= x <= 0.5. Adding 1.5 * 2^52 rounds to an integer and leaves it in the low bits,
// which works on instruction sets that cannot convert doubles to 64-bit integers.
PLIMSOLL_INLINE double exp_negative(double x) {
    constexpr double kMagic = 6755399441055744.0;
    const double shifted = x * 1.4426950408889634 + kMagic;
    const double n = shifted - kMagic;
    const double r = (x - n * 0.6931471803691238) - n * 1.9082149292705877e-10;
    double p = 2.510038549551032e-08;
    p = p * r + 2.7620088445409746e-07;
    p = p * r + 2.7557268459997064e-06;
    p = p * r + 2.4801521295954376e-05;
    p = p * r + 0.00019841269863053618;
    p = p * r + 0.0013888888917213717;
    p = p * r + 0.008333333333330062;
    p = p * r + 0.04166666666662413;
    p = p * r + 0.16666666666666669;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    std::uint64_t bits;
    std::memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 1023) << 52;
    double scale;
    std::memcpy(&scale, &bits, sizeof scale);
    return p * scale;
}

PLIMSOLL_INLINE double least(double a, double b) { return a < b ? a : b; }
PLIMSOLL_INLINE double greatest(double a, double b) { return a > b ? a : b; }
PLIMSOLL_INLINE double magnitude(double a) { return std::fabs(a); }

// The terms of one option, F and K its forward and strike, s its total volatility:
//
//   time value = lo N(t - h) - hi N(-t - h),  lo = min(F, K), hi = max(F, K), h = |ln(F/K)| / s, t = s / 2
//
// Each density times its price is the same g = sqrt(F K) exp(-(h^2 + t^2)/2), written here without 1 / sqrt(2 pi), and
// the two quotients R(|near|) = pa / qa and R(far) = pb / qb share one division.
struct Terms {
    double g, near, far, pa, qa, pb, qb, inverse;  // far is cut at kFarthest; inverse = 1 / (qa qb)
};

template <typename Fit>
PLIMSOLL_INLINE Terms terms(double h, double t, double root) {
    Terms x;
    x.near = t - h;
    const double a = least(magnitude(x.near), kFarthest);
    const double b = least(t + h, kFarthest);
    x.far = b;
    // nothing is left where both arguments are cut: a remainder of 1e-305 would only be noise for what multiplies it
    const double g = root * exp_negative((a * a + b * b) * -0.25);
    x.g = a < kFarthest ? g : 0.0;
    x.pa = Fit::p(a);
    x.qa = Fit::q(a);
    x.pb = Fit::p(b);
    x.qb = Fit::q(b);
    x.inverse = 1.0 / (x.qa * x.qb);
    return x;
}

PLIMSOLL_INLINE double time_value(const Terms& x, double lo) {
    const double near = x.pa * x.qb * x.inverse;
    const double far = x.pb * x.qa * x.inverse;
    const double value = x.near > 0.0 ? lo - x.g * (near + far) : x.g * (near - far);
    return greatest(value, 0.0);
}

}  // namespace plimsoll
