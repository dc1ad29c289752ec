// The normal distribution in vectors, without a branch: one exponential and one quotient of polynomials. Included by
// lognormal_loops.cpp once for each instruction set, inside a namespace of its own, with PLIMSOLL_LANES doubles in a
// vector. No include guard, and no include: what stands here must not be shared between instruction sets.
//
// N(-d) = exp(-d^2/2) R(d) for d >= 0, where R is half the scaled complementary error function of d / sqrt 2. Both fits
// P/Q were made for this file (Lawson iteration in 60 digits). `Quick` has degrees 6 and 7: exp(-d^2/2) |P/Q - R| <=
// 3.4e-17 everywhere, which is what a price needs beside its forward, and |P/Q - R| <= 3.3e-6 R up to d = 40. `Sharp`
// has degrees 9 and 10: |P/Q - R| <= 5.8e-17 R up to d = 40, so that a price far out of the money is right in its own
// digits.
//
// Sums of products are written as fused operations where the instruction set has them: what the compiler would choose
// could differ between two variants of a loop, and their bits must not.

constexpr std::size_t kWide = PLIMSOLL_LANES;
typedef double Real __attribute__((vector_size(8 * PLIMSOLL_LANES)));
typedef std::int64_t Whole __attribute__((vector_size(8 * PLIMSOLL_LANES)));
typedef std::uint64_t Bits __attribute__((vector_size(8 * PLIMSOLL_LANES)));  // sums of patterns may wrap

PLIMSOLL_INLINE Real all(double x) { return Real{} + x; }
PLIMSOLL_INLINE Real loaded(const double* from) {
    Real x;
    std::memcpy(&x, from, sizeof x);
    return x;
}
PLIMSOLL_INLINE void stored(const Real& x, double* to) { std::memcpy(to, &x, sizeof x); }

// The first `count` lanes only.
PLIMSOLL_INLINE void stored(const Real& x, double* to, std::size_t count) {
#if PLIMSOLL_LANES == 8
    _mm512_mask_storeu_pd(to, static_cast<__mmask8>(count >= kWide ? 0xffu : (1u << count) - 1u), x);
#else
    if (count >= kWide) return stored(x, to);
    for (std::size_t l = 0; l < count; ++l) to[l] = x[l];
#endif
}

// a b + c, c - a b, a b - c; the smaller and the larger, the second where they do not compare; the square root
#if PLIMSOLL_LANES == 8
PLIMSOLL_INLINE Real fma(const Real& a, const Real& b, const Real& c) { return _mm512_fmadd_pd(a, b, c); }
PLIMSOLL_INLINE Real fnma(const Real& a, const Real& b, const Real& c) { return _mm512_fnmadd_pd(a, b, c); }
PLIMSOLL_INLINE Real fms(const Real& a, const Real& b, const Real& c) { return _mm512_fmsub_pd(a, b, c); }
PLIMSOLL_INLINE Real least(const Real& a, const Real& b) { return _mm512_min_pd(a, b); }
PLIMSOLL_INLINE Real greatest(const Real& a, const Real& b) { return _mm512_max_pd(a, b); }
PLIMSOLL_INLINE Real root_of(const Real& x) { return _mm512_sqrt_pd(x); }
#elif PLIMSOLL_LANES == 4
PLIMSOLL_INLINE Real fma(const Real& a, const Real& b, const Real& c) { return _mm256_fmadd_pd(a, b, c); }
PLIMSOLL_INLINE Real fnma(const Real& a, const Real& b, const Real& c) { return _mm256_fnmadd_pd(a, b, c); }
PLIMSOLL_INLINE Real fms(const Real& a, const Real& b, const Real& c) { return _mm256_fmsub_pd(a, b, c); }
PLIMSOLL_INLINE Real least(const Real& a, const Real& b) { return _mm256_min_pd(a, b); }
PLIMSOLL_INLINE Real greatest(const Real& a, const Real& b) { return _mm256_max_pd(a, b); }
PLIMSOLL_INLINE Real root_of(const Real& x) { return _mm256_sqrt_pd(x); }
#else
PLIMSOLL_INLINE Real fma(const Real& a, const Real& b, const Real& c) { return a * b + c; }
PLIMSOLL_INLINE Real fnma(const Real& a, const Real& b, const Real& c) { return c - a * b; }
PLIMSOLL_INLINE Real fms(const Real& a, const Real& b, const Real& c) { return a * b - c; }
#if defined(__SSE2__)
PLIMSOLL_INLINE Real least(const Real& a, const Real& b) { return _mm_min_pd(a, b); }
PLIMSOLL_INLINE Real greatest(const Real& a, const Real& b) { return _mm_max_pd(a, b); }
PLIMSOLL_INLINE Real root_of(const Real& x) { return _mm_sqrt_pd(x); }
#else
PLIMSOLL_INLINE Real least(const Real& a, const Real& b) { return a < b ? a : b; }
PLIMSOLL_INLINE Real greatest(const Real& a, const Real& b) { return a > b ? a : b; }
PLIMSOLL_INLINE Real root_of(const Real& x) {
    Real root;
    for (std::size_t l = 0; l < kWide; ++l) root[l] = std::sqrt(x[l]);
    return root;
}
#endif
#endif

PLIMSOLL_INLINE Real magnitude(const Real& x) {
    return reinterpret_cast<Real>(reinterpret_cast<Whole>(x) & std::numeric_limits<std::int64_t>::max());
}
PLIMSOLL_INLINE Real negated(const Real& x) {
    return reinterpret_cast<Real>(reinterpret_cast<Whole>(x) ^ std::numeric_limits<std::int64_t>::min());
}

// One Horner step for each of the coefficients, the highest first.
template <std::size_t Size>
PLIMSOLL_INLINE Real polynomial(const double (&c)[Size], const Real& x) {
    Real value = all(c[0]);
#pragma GCC unroll 16
    for (std::size_t i = 1; i < Size; ++i) value = fma(value, x, all(c[i]));
    return value;
}

// Adding 1.5 * 2^52 rounds to an integer and leaves it in the low bits, which works on instruction sets that cannot
// convert doubles to 64-bit integers.
constexpr double kMagic = 6755399441055744.0;

// ln x, to 1 unit in the last place, for a normal or subnormal x > 0; `kLogZero` for 0.
PLIMSOLL_INLINE Real logarithm(const Real& x) {
    static constexpr double kFit[] = {0.14617807153417325, 0.15331611722055008, 0.1818289243253687, 0.22222211089379496,
                                      0.28571428626253836, 0.3999999999989889, 0.666666666666667};
    const Whole tiny = x < 2.2250738585072014e-308;
    const Bits bits = reinterpret_cast<Bits>(tiny ? x * 18014398509481984.0 : x);
    const Whole k = reinterpret_cast<Whole>(bits - 0x3fe6a09e667f3bcd) >> 52;  // x = 2^k m, m from sqrt(1/2) to sqrt(2)
    const Real f = reinterpret_cast<Real>(bits - (reinterpret_cast<Bits>(k) << 52)) - 1.0;
    const Real power = reinterpret_cast<Real>(k + 0x4338000000000000) - kMagic - (tiny ? all(54.0) : Real{});
    const Real s = f / (f + 2.0), z = s * s, half = 0.5 * f * f;
    const Real rest = fma(s, fma(z, polynomial(kFit, z), half), power * 1.9082149292705877e-10);
    const Real value = fma(power, all(0.6931471803691238), f - (half - rest));
    return x > 0.0 ? value : all(kLogZero);
}

// factor * exp(-q/4) for q from 0 to 2 kFarthest^2.
class Exponential {
  public:
    PLIMSOLL_INLINE explicit Exponential(double factor) {
        for (std::size_t i = 0; i < kSize; ++i) fit_[i] = kFit[i] * factor;
    }

#if PLIMSOLL_LANES == 8
    // 2^(n/16 + f/16): n picks its sixteenth from a table, which takes off n what the shift below leaves in the mantissa
    PLIMSOLL_INLINE Real operator()(const Real& q) const {
        const Real turn = all(-5.7707801635558535);
        const Real shifted = fma(q, turn, all(kMagic));
        const Real f = fma(q, turn, kMagic - shifted);
        const Whole low = {0x3ff0000000000000, 0x3fefb5586cf9890f, 0x3fef72b83c7d517b, 0x3fef387a6e756238,
                           0x3fef06fe0a31b715, 0x3feedea64c123422, 0x3feebfdad5362a27, 0x3feeab07dd485429};
        const Whole high = {0x3feea09e667f3bcd, 0x3feea11473eb0187, 0x3feeace5422aa0db, 0x3feec49182a3f090,
                            0x3feee89f995ad3ad, 0x3fef199bdd85529c, 0x3fef5818dcfba487, 0x3fefa4afa2a490da};
        const Bits n = reinterpret_cast<Bits>(shifted);
        const Bits part = reinterpret_cast<Bits>(_mm512_permutex2var_epi64(
            reinterpret_cast<__m512i>(low), reinterpret_cast<__m512i>(n), reinterpret_cast<__m512i>(high)));
        return polynomial(fit_, f) * reinterpret_cast<Real>(part + (n << 48));
    }

  private:
    static constexpr double kFit[] = {9.181334960907254e-12,  1.2716085030349987e-09, 1.4676100321837672e-07,
                                      1.355080777749983e-05, 0.0009383847928089873,  0.04332169878499661, 1.0};
#else
    PLIMSOLL_INLINE Real operator()(const Real& q) const {
        // the bias of the exponent rides along
        const Real turn = all(-0.36067376022224085), magic = all(kMagic + 1023.0);
        const Real shifted = fma(q, turn, magic);
        const Real f = fma(q, turn, magic - shifted);
        return polynomial(fit_, f) * reinterpret_cast<Real>(reinterpret_cast<Bits>(shifted) << 52);
    }

  private:
    static constexpr double kFit[] = {4.4347883251789266e-10, 7.0737766379975e-09,    1.0178199405149004e-07,
                                      1.3215435323756474e-06, 1.525273349371805e-05,  0.00015403530457021463,
                                      0.001333355814677369,   0.0096181291075942,     0.05550410866482009,
                                      0.2402265069591013,     0.6931471805599453,     1.0};
#endif
    static constexpr std::size_t kSize = sizeof kFit / sizeof *kFit;
    double fit_[kSize];
};

struct Quick {
    static constexpr double p[] = {8.240691914358368e-05, 0.0016266964982433387, 0.014727563014229762, 0.0780081736342684,
                                   0.25674255935563106, 0.5048254276715994, 0.5};
    static constexpr double q[] = {0.00020656031557031906, 0.004077659343144508, 0.03712026352272917,
                                   0.19965331609832282, 0.6796825126651779, 1.4556897203580073,
                                   1.8075354161460795, 1.0};
};

struct Sharp {
    static constexpr double p[] = {1.3782504336057949e-06, 3.7097683258901064e-05, 0.000488784071647959,
                                   0.0040785284484716085, 0.02357370742562903, 0.09754588902085755,
                                   0.28900306504808565, 0.5936016305168467, 0.7745796915883968, 0.5};
    static constexpr double q[] = {3.4547615064087267e-06, 9.299010177797754e-05, 0.0012286547358848238,
                                   0.01031634481851905, 0.06030881244560177, 0.25454864631689234, 0.7810981678511002,
                                   1.7129291318359785, 2.559873387461187, 2.347043943979651, 1.0};
};

// The terms of one option, F and K its forward and strike, s its total volatility:
//
//   time value = lo N(t - h) - hi N(-t - h),  lo = min(F, K), hi = max(F, K), h = |ln(F/K)| / s, t = s / 2
//
// Each density times its price is the same g = sqrt(F K) exp(-(h^2 + t^2)/2), written here without 1 / sqrt(2 pi), and
// the two quotients R(|near|) = pa / qa and R(far) = pb / qb share one division.
struct Terms {
    Real g, near, far, pa, qa, pb, qb, inverse;  // far is cut at kFarthest; inverse = 1 / (qa qb)
};

// `distance` is |ln(F/K)|; `root` gives sqrt(K) exp(-q/4) and root_forward is sqrt(F). Not cut: no argument may then be
// beyond kFarthest.
template <typename Fit, bool Cut>
PLIMSOLL_INLINE Terms terms(const Real& distance, const Real& inverse_vol, const Real& t, const Exponential& root,
                            const Real& root_forward) {
    Terms x;
    x.near = fnma(distance, inverse_vol, t);
    x.far = fma(distance, inverse_vol, t);
    Real a = magnitude(x.near);
    if (Cut) {
        a = least(a, all(kFarthest));
        x.far = least(x.far, all(kFarthest));
    }
    const Real& b = x.far;
    x.g = root(fma(a, a, b * b)) * root_forward;
    // nothing is left where both arguments are cut: a remainder of 1e-305 would only be noise for what multiplies it
    if (Cut) x.g = a < kFarthest ? x.g : Real{};
    x.qa = polynomial(Fit::q, a);
    x.qb = polynomial(Fit::q, b);
    x.inverse = 1.0 / (x.qa * x.qb);
    x.pa = polynomial(Fit::p, a);
    x.pb = polynomial(Fit::p, b);
    return x;
}

// The value: from `inside`, which is F - K for a call and K - F for a put, to `bound`, which is F or K. Below the bound it
// is by its form: beside `inside` stands at most half of min(F, K), and what leaves the bound is negative.
PLIMSOLL_INLINE Real value_of(const Terms& x, const Real& inside, const Real& bound) {
    const Real intrinsic = greatest(inside, Real{});
    // N(t - h) is its own tail, or 1 less that
    const Whole tail = x.near < 0.0;
    const Real base = tail ? intrinsic : bound;
    const Real near = tail ? x.pa : negated(x.pa);
    return greatest(fma(x.g * x.inverse, fms(near, x.qb, x.pb * x.qa), base), intrinsic);
}
