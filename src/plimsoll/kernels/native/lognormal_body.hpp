// The loops of lognormal.cpp and elements.cpp over vectors, included by lognormal_loops.cpp after mills_body.hpp.

// Half the total volatility of a cell, and its inverse.
template <Mode mode>
PLIMSOLL_INLINE void cell_vol(double total_vol, const View& v, std::size_t s, Real& t, Real& iw) {
    iw = all(1.0 / total_vol) * loaded(v.inverse_scale + s);
    if (mode == kPlain) {
        t = all(0.5 * total_vol) * loaded(v.scale + s);
        return;
    }
    Real w = total_vol * loaded(v.scale + s);
    if (mode == kShifted) w = w + loaded(v.shift + s);
    const Real floor = loaded(v.floor + s);
    w = greatest(w, floor);
    iw = mode == kShifted ? 1.0 / w : least(iw, loaded(v.inverse_floor + s));
    const Whole saturated = w >= kSaturation;
    t = saturated ? all(0.5 * kSaturatedVol) : 0.5 * w;
    iw = saturated ? all(1.0 / kSaturatedVol) : iw;
}

// A discount factor of 1 is not multiplied by: Bare.
template <bool Call, Mode mode, bool Add, bool Bare = false>
void values(const Row& row, const View& view, std::size_t width, double quantity, double* out) {
    const View v = view;
    const Real strike = all(row.strike), log_strike = all(row.log_strike);
    const double total_vol = row.total_vol;
    const Real factor = all(Add ? row.discount * quantity : row.discount);
    const Exponential root(row.root_strike);
    for (std::size_t s = 0; s < width; s += kWide) {
        const Real f = loaded(v.forward + s);
        Real t, iw;
        cell_vol<mode>(total_vol, v, s, t, iw);
        const Real distance = magnitude(loaded(v.log_forward + s) - log_strike);
        const Terms x = terms<Quick, mode != kPlain>(distance, iw, t, root, loaded(v.root_forward + s));
        const Real value = value_of(x, Call ? f - strike : strike - f, Call ? f : strike);
        if (Add) {
            stored(fma(factor, value, loaded(out + s)), out + s);
        } else {
            stored(Bare ? value : factor * value, out + s, width - s);
        }
    }
}

template <bool Call, Mode mode>
void greeks(const Row& row, const View& view, std::size_t width, double root_time, double* const* out) {
    constexpr double kInverseRootTwoPi = 0.3989422804014327;
    const View v = view;
    const Real strike = all(row.strike), log_strike = all(row.log_strike);
    const double total_vol = row.total_vol;
    const Real discount = all(row.discount), density = all(row.discount * kInverseRootTwoPi);
    const Real vega_factor = density * root_time;
    // less than this is no time, and its inverse need not be a number; what it gives a large discount factor is kept one
    const double years = root_time * root_time;
    const Real theta_factor = years >= std::numeric_limits<double>::min()
                                  ? greatest(-density / years, all(-std::numeric_limits<double>::max()))
                                  : Real{};
    const Exponential root(row.root_strike);
    for (std::size_t s = 0; s < width; s += kWide) {
        const Real f = loaded(v.forward + s);
        Real t, iw;
        cell_vol<mode>(total_vol, v, s, t, iw);
        const Real distance = magnitude(loaded(v.log_forward + s) - log_strike);
        const Terms x = terms<Quick, mode != kPlain>(distance, iw, t, root, loaded(v.root_forward + s));
        const Real inside = Call ? f - strike : strike - f;
        stored(discount * value_of(x, inside, Call ? f : strike), out[0] + s, width - s);
        // N(-|d1|) = g R(|d1|) / F, and d1 is the far argument when the forward is above the strike
        const Real per = loaded(v.inverse_forward + s);
        const Whole above = f > strike;
        const Real quotient = above ? x.pb * x.qa : x.pa * x.qb;
        const Real tail = x.g * per * (quotient * x.inverse);
        const Whole positive = above | Whole(x.near > 0.0);
        // N(d1) for a call, N(-d1) for a put
        const Real chance = (Call ? positive : ~positive) ? 1.0 - tail : tail;
        stored(Call ? discount * chance : negated(discount) * chance, out[1] + s, width - s);
        // no density where nothing is left to be uncertain about
        Real g = x.g;
        if (mode != kPlain) {
            g = t > 0.5 * kLeastVol ? g : Real{};
            g = x.far < kFarthest ? g : Real{};
            g = t < 0.5 * kSaturation ? g : Real{};
        }
        stored(density * g * per * per * iw, out[2] + s, width - s);
        stored(vega_factor * g, out[3] + s, width - s);
        stored(theta_factor * g * t, out[4] + s, width - s);
    }
    // a strike of zero is the forward itself, even where that is zero too
    if (row.strike == 0.0) std::fill(out[1], out[1] + width, Call ? row.discount : 0.0);
}

void elements(const double* forward, const double* strike, const double* total_vol, const double* side, double* value) {
    const Exponential exponential(1.0);
    for (std::size_t i = 0; i < kElements; i += kWide) {
        const Real f = loaded(forward + i), k = loaded(strike + i), which = loaded(side + i);
        const Real given = greatest(loaded(total_vol + i), all(kLeastVol));
        const Real w = given >= kSaturation ? all(kSaturatedVol) : given;
        const Real distance = magnitude(logarithm(f) - logarithm(k));
        const Terms x = terms<Sharp, true>(distance, 1.0 / w, 0.5 * w, exponential, root_of(f) * root_of(k));
        stored(value_of(x, which * (f - k), which > 0.0 ? f : k), value + i);
    }
}

// What a scenario table gives a column, in whole vectors.
void inverses(const double* in, std::size_t size, double* out) {
    for (std::size_t s = 0; s < size; s += kWide) stored(1.0 / loaded(in + s), out + s);
}

void logarithms(const double* in, std::size_t size, double* out, double* root) {
    for (std::size_t s = 0; s < size; s += kWide) {
        const Real x = loaded(in + s);
        stored(logarithm(x), out + s);
        stored(root_of(x), root + s);
    }
}
