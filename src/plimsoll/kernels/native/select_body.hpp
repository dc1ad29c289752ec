// Quantile and shortfall of a vector of losses, included by loops.cpp after loops_body.hpp.
//
// Everything from the quantile on is wanted, about one loss in forty, and its order is not. So first comes a lower
// bound of the k-th largest loss, then one pass keeps what reaches the bound, less than 2k numbers in general, and the k-th
// largest is sought among those. The bound of a short vector is certain: it is folded into at least 2k lanes of maxima,
// whose k-th largest is at most the k-th largest loss. That of a long one is drawn from a sample: where fewer than k
// numbers reach it, the fold is done after all.

#if defined(PLIMSOLL_COMPRESS)
// The lanes that are >= least, one after the other; how many. Compressed in a register first: straight into memory is
// slow on some processors.
PLIMSOLL_INLINE std::size_t compressed(const Vector<double>& x, double least, double* out) {
    const __mmask8 lanes = _mm512_cmp_pd_mask(x, _mm512_set1_pd(least), _CMP_GE_OQ);
    _mm512_storeu_pd(out, _mm512_maskz_compress_pd(lanes, x));
    return static_cast<std::size_t>(__builtin_popcount(lanes));
}
PLIMSOLL_INLINE std::size_t compressed(const Vector<float>& x, float least, float* out) {
    const __mmask16 lanes = _mm512_cmp_ps_mask(x, _mm512_set1_ps(least), _CMP_GE_OQ);
    _mm512_storeu_ps(out, _mm512_maskz_compress_ps(lanes, x));
    return static_cast<std::size_t>(__builtin_popcount(lanes));
}
#endif

// Losses as whole vectors: those of an array that need not start on a line, and what is left as a padded one.
template <typename Scalar>
struct Losses {
    PLIMSOLL_INLINE Losses(const Scalar* from, std::size_t size)
        : x(from), whole(size / kLanes<Scalar>), rest{}, odd{} {
        for (std::size_t l = 0; l < kLanes<Scalar>; ++l) {
            const std::size_t s = whole * kLanes<Scalar> + l;
            rest[l] = s < size ? from[s] : -std::numeric_limits<Scalar>::infinity();
            odd[l] = s < size ? from[s] - from[s] : Scalar(0);
        }
    }
    PLIMSOLL_INLINE Vector<Scalar> at(std::size_t i) const { return loaded(x + i * kLanes<Scalar>); }

    const Scalar* x;
    std::size_t whole;
    Vector<Scalar> rest, odd;  // odd is 0 where a number left is finite
};

// The lanes of x that are >= least go to out, where there is room for a whole vector; how many.
template <typename Scalar>
PLIMSOLL_INLINE std::size_t keep_lanes(const Vector<Scalar>& x, Scalar least, Scalar* out) {
#if defined(PLIMSOLL_COMPRESS)
    return compressed(x, least, out);
#else
    std::size_t kept = 0;
    for (std::size_t l = 0; l < kLanes<Scalar>; ++l) {
        out[kept] = x[l];
        kept += x[l] >= least;
    }
    return kept;
#endif
}

template <typename Scalar>
PLIMSOLL_INLINE std::size_t padded_end(Scalar* out, std::size_t kept) {
    for (std::size_t l = 0; l < kLanes<Scalar>; ++l) out[kept + l] = -std::numeric_limits<Scalar>::infinity();
    return kept;
}

template <typename Scalar>
PLIMSOLL_INLINE bool all_zero(const Vector<Scalar>& x) {
    bool zero = true;
    for (std::size_t l = 0; l < kLanes<Scalar>; ++l) zero &= x[l] == 0;
    return zero;
}

// The numbers that are >= least, in order and padded; how many. Where that is asked, `finite` learns whether all are.
template <bool Check, typename Scalar>
PLIMSOLL_INLINE std::size_t keep(const Losses<Scalar>& x, Scalar least, Scalar* out, bool& finite) {
    std::size_t kept = 0;
    Vector<Scalar> odd = x.odd;
    for (std::size_t i = 0; i < x.whole; ++i) {
        const Vector<Scalar> own = x.at(i);
        if (Check) odd += own - own;  // 0, or NaN and then NaN for good
        kept += keep_lanes<Scalar>(own, least, out + kept);
    }
    kept += keep_lanes<Scalar>(x.rest, least, out + kept);
    if (Check) finite = all_zero<Scalar>(odd);
    return padded_end(out, kept);
}

template <typename Scalar>
PLIMSOLL_INLINE std::size_t keep(const Scalar* x, std::size_t vectors, Scalar least, Scalar* out) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < vectors; ++i) kept += keep_lanes<Scalar>(vector_at(x, i), least, out + kept);
    return padded_end(out, kept);
}

template <typename Scalar>
PLIMSOLL_INLINE std::size_t lanes_set(const Mask<Scalar>& count) {
    std::size_t total = 0;
    for (std::size_t l = 0; l < kLanes<Scalar>; ++l) total += static_cast<std::size_t>(count[l]);
    return total;
}

template <typename Scalar>
PLIMSOLL_INLINE bool any_above(const Scalar* x, std::size_t vectors, Scalar bound) {
    Mask<Scalar> found{};
    for (std::size_t i = 0; i < vectors; ++i) found -= Mask<Scalar>(vector_at(x, i) > bound);
    return lanes_set<Scalar>(found) != 0;
}

template <typename Scalar>
PLIMSOLL_INLINE std::size_t count_from(const Scalar* x, std::size_t vectors, Scalar least) {
    constexpr std::size_t kApart = 4;
    Mask<Scalar> count[kApart] = {};
    std::size_t i = 0;
    for (; i + kApart <= vectors; i += kApart) {
        for (std::size_t v = 0; v < kApart; ++v) count[v] -= Mask<Scalar>(vector_at(x, i + v) >= least);
    }
    for (; i < vectors; ++i) count[0] -= Mask<Scalar>(vector_at(x, i) >= least);
    return lanes_set<Scalar>(count[0] + count[1] + (count[2] + count[3]));
}

// The k-th largest of n numbers in Width padded vectors, by counting for each how many are larger.
template <typename Scalar, int Width>
PLIMSOLL_INLINE Scalar kth_by_rank(const Scalar* x, std::size_t n, std::size_t k) {
    using Index = typename LaneIndex<Scalar>::type;
    Vector<Scalar> own[Width];
    Mask<Scalar> larger[Width];
    for (int v = 0; v < Width; ++v) {
        own[v] = vector_at(x, v);
        larger[v] = Mask<Scalar>{};
    }
    for (std::size_t i = 0; i < n; ++i) {
        for (int v = 0; v < Width; ++v) larger[v] -= Mask<Scalar>(x[i] > own[v]);
    }
    const Vector<Scalar> none = Vector<Scalar>{} + std::numeric_limits<Scalar>::infinity();
    Vector<Scalar> least = none;
    for (int v = 0; v < Width; ++v) {
        const Mask<Scalar> among = larger[v] < Index(k);
        const Vector<Scalar> candidate = among ? own[v] : none;
        least = candidate < least ? candidate : least;
    }
    return least_lane<Scalar>(least);
}


template <typename Scalar>
PLIMSOLL_INLINE Scalar kth_of_few(const Scalar* x, std::size_t n, std::size_t k) {
    const std::size_t vectors = vectors_of<Scalar>(n);
    if (vectors <= 1) return kth_by_rank<Scalar, 1>(x, n, k);
    if (vectors <= 2) return kth_by_rank<Scalar, 2>(x, n, k);
    return kth_by_rank<Scalar, 4>(x, n, k);
}

template <typename Scalar>
PLIMSOLL_INLINE std::size_t remove_from(Scalar* x, std::size_t n, Scalar below) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const Scalar own = x[i];
        x[kept] = own;
        kept += own < below;
    }
    return kept;
}

// Any n: an interval around the k-th largest is narrowed by counting, then what lies in it is ranked.
// `room` has space for n padded numbers and kRanked vectors more.
template <typename Scalar>
Scalar kth_of_many(const Scalar* x, std::size_t n, std::size_t k, Scalar* room) {
    constexpr Scalar kInfinity = std::numeric_limits<Scalar>::infinity();
    const std::size_t vectors = vectors_of<Scalar>(n);
    Vector<Scalar> low = Vector<Scalar>{} + kInfinity, high = Vector<Scalar>{} - kInfinity;
    for (std::size_t i = 0; i < vectors; ++i) {
        const Vector<Scalar> own = vector_at(x, i);
        const Vector<Scalar> real = own > -kInfinity ? own : Vector<Scalar>{} + kInfinity;
        low = real < low ? real : low;
        high = own > high ? own : high;
    }
    // at least k numbers are >= from, fewer than k are >= below
    Scalar from = least_lane<Scalar>(low), below = kInfinity, edge = most_lane<Scalar>(high);
    std::size_t most = n, fewest = 0;
    for (int step = 0; step < 16 && most - fewest > 2 * kLanes<Scalar>; ++step) {
        const Scalar part = step % 2 ? Scalar(0.5) : (Scalar(most - k) + Scalar(0.5)) / Scalar(most - fewest);
        const Scalar middle = from * (1 - part) + edge * part;
        if (!(middle > from && middle < below)) break;
        const std::size_t count = count_from(x, vectors, middle);
        if (count >= k) {
            from = middle;
            most = count;
        } else {
            below = edge = middle;
            fewest = count;
        }
    }
    std::size_t kept = keep(x, vectors, from, room);
    if (fewest) kept = remove_from(room, kept, below);
    const std::size_t rank = k - fewest;
    // fewer than were counted: another thread has written to the losses since their bound was found
    if (rank > kept) return std::numeric_limits<Scalar>::quiet_NaN();
    if (kept > kRanked * kLanes<Scalar>) {
        std::nth_element(room, room + (rank - 1), room + kept, std::greater<Scalar>());
        return room[rank - 1];
    }
    std::fill(room + kept, room + kRanked * kLanes<Scalar>, -kInfinity);
    return kth_of_few(room, kept, rank);
}

template <typename Scalar>
PLIMSOLL_INLINE Scalar kth(Scalar* x, std::size_t n, std::size_t k, Scalar* room) {
    if (n > kRanked * kLanes<Scalar>) return kth_of_many(x, n, k, room);
    // a width of 3 is ranked as 4
    std::fill(x + vectors_of<Scalar>(n) * kLanes<Scalar>, x + kRanked * kLanes<Scalar>,
              -std::numeric_limits<Scalar>::infinity());
    return kth_of_few(x, n, k);
}

// Lane by lane the maxima of vectors f, f + width, f + 2 width, ... for f below width.
template <typename Scalar, int Width>
PLIMSOLL_INLINE void fold(const Losses<Scalar>& x, Scalar* out) {
    Vector<Scalar> top[Width];
    for (int v = 0; v < Width; ++v) top[v] = x.at(v);
    top[0] = x.rest > top[0] ? x.rest : top[0];
    std::size_t i = Width;
    for (; i + Width <= x.whole; i += Width) {
        for (int v = 0; v < Width; ++v) top[v] = x.at(i + v) > top[v] ? x.at(i + v) : top[v];
    }
    for (; i < x.whole; ++i) top[0] = x.at(i) > top[0] ? x.at(i) : top[0];
    for (int v = 0; v < Width; ++v) vector_at(out, v) = top[v];
}

template <typename Scalar>
void fold_wide(const Losses<Scalar>& x, std::size_t width, Scalar* out) {
    for (std::size_t v = 0; v < width; ++v) vector_at(out, v) = x.at(v);
    vector_at(out, 0) = x.rest > vector_at(out, 0) ? x.rest : vector_at(out, 0);
    for (std::size_t left = width; left < x.whole; left += width) {
        const std::size_t end = x.whole - left < width ? x.whole - left : width;
        for (std::size_t v = 0; v < end; ++v) {
            const Vector<Scalar> own = x.at(left + v);
            vector_at(out, v) = own > vector_at(out, v) ? own : vector_at(out, v);
        }
    }
}

// A number that the k-th largest is at least, certainly.
template <typename Scalar>
PLIMSOLL_INLINE Scalar folded_bound(const Losses<Scalar>& x, std::size_t width, std::size_t k, Scalar* lanes,
                                    Scalar* room) {
    switch (width) {
        case 1: fold<Scalar, 1>(x, lanes); break;
        case 2: fold<Scalar, 2>(x, lanes); break;
        case 3: fold<Scalar, 3>(x, lanes); break;
        case 4: fold<Scalar, 4>(x, lanes); break;
        default: fold_wide(x, width, lanes);
    }
    return kth(lanes, width * kLanes<Scalar>, k, room);
}

// A bound is drawn from each kStride-th vector of a long one.
constexpr std::size_t kStride = 16;

// A number that the k-th largest is at least, in all but one of many thousand random vectors; NaN where a number drawn
// is not finite.
template <typename Scalar>
Scalar sampled_bound(const Losses<Scalar>& x, std::size_t k, Scalar* sample, Scalar* room) {
    std::size_t vectors = 0;
    Vector<Scalar> odd{};
    for (std::size_t i = kStride / 2; i < x.whole; i += kStride) {
        const Vector<Scalar> own = x.at(i);
        odd += own - own;
        vector_at(sample, vectors++) = own;
    }
    if (!all_zero<Scalar>(odd)) return std::numeric_limits<Scalar>::quiet_NaN();
    const std::size_t size = vectors * kLanes<Scalar>;
    const double expected = static_cast<double>(k) / static_cast<double>(kStride);
    const std::size_t rank = static_cast<std::size_t>(expected + 4.0 * std::sqrt(expected)) + 2;
    return kth(sample, size, rank < size ? rank : size, room);
}

// Adding it, and taking it away again, rounds a number below 2^n to a multiple of 2^(n - 52).
PLIMSOLL_INLINE double rounder(int n) {
    const std::uint64_t bits = static_cast<std::uint64_t>((n < -1022 ? -1022 : n) + 1023) << 52 | std::uint64_t{1} << 51;
    double x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

// The sum of share * (x - quantile) over the numbers above the quantile, of which there are fewer than k. Its bits depend
// neither on the order of the numbers nor on how many below the quantile are among them: each excess is cut at two bits
// that are the same for all, sums of such parts round nowhere, and what is left is nothing beside the largest excess.
PLIMSOLL_INLINE double excesses(const double* x, std::size_t n, std::size_t k, double quantile, double share) {
    const std::size_t vectors = vectors_of<double>(n);
    Vector<double> most = Vector<double>{} + quantile;
    for (std::size_t i = 0; i < vectors; ++i) most = vector_at(x, i) > most ? vector_at(x, i) : most;
    double top = share * (most_lane<double>(most) - quantile);
    if (!(top > 0.0 && top <= std::numeric_limits<double>::max())) return top;
    const bool huge = top > 0x1p900;
    if (huge) {
        share *= 0x1p-200;
        top *= 0x1p-200;
    }
    std::uint64_t pattern;
    std::memcpy(&pattern, &top, sizeof pattern);
    const int size = static_cast<int>(pattern >> 52) - 1022;  // top < 2^size
    const int bits = 64 - __builtin_clzll(static_cast<unsigned long long>(k | 1));
    const double coarse = rounder(size + bits), fine = rounder(size + 2 * bits - 52);
    Vector<double> sum{}, rest{};
    for (std::size_t i = 0; i < vectors; ++i) {
        const Vector<double> own = vector_at(x, i);
        const Vector<double> above = share * (own > quantile ? own - quantile : Vector<double>{});
        const Vector<double> part = (above + coarse) - coarse;
        sum += part;
        rest += ((above - part) + fine) - fine;
    }
    double total = 0.0, left = 0.0;
    for (std::size_t l = 0; l < kLanes<double>; ++l) {
        total += sum[l];
        left += rest[l];
    }
    return (total + left) * (huge ? 0x1p200 : 1.0);
}

PLIMSOLL_INLINE float excesses(const float* x, std::size_t n, std::size_t, float quantile, double share) {
    Vector<float> sum{};
    for (std::size_t i = 0; i < vectors_of<float>(n); ++i) {
        const Vector<float> own = vector_at(x, i);
        sum += float(share) * (own > quantile ? own - quantile : Vector<float>{});
    }
    float total = 0;
    for (std::size_t l = 0; l < kLanes<float>; ++l) total += sum[l];
    return total;
}

// Quantile, the k-th largest, and shortfall of what was kept; everything above the quantile is in it.
template <typename Scalar>
PLIMSOLL_INLINE Measured<Scalar> measured(const Scalar* x, std::size_t n, const Tail& tail, Scalar quantile) {
    return {quantile, quantile + excesses(x, n, tail.k, quantile, tail.share)};
}

template <typename Scalar>
Measured<Scalar> tail(const Scalar* from, std::size_t n, const Tail& wanted, Scalar* scratch) {
    constexpr Scalar kNone = std::numeric_limits<Scalar>::quiet_NaN();
    const Losses<Scalar> x(from, n);
    const std::size_t k = wanted.k, width = vectors_of<Scalar>(2 * k);
    const std::size_t room = (x.whole + 1 + kRanked) * kLanes<Scalar>;
    Scalar *lanes = scratch, *kept = scratch + room, *rest = kept + room;
    std::size_t count = 0;
    bool finite = true;
    if (x.whole < 2 * width) {  // a tail as thick as this leaves little out
        count = keep<true>(x, std::numeric_limits<Scalar>::lowest(), kept, finite);
    } else if (x.whole >= kLong) {
        const Scalar bound = sampled_bound(x, k, lanes, rest);
        if (bound != bound) return {kNone, kNone};
        count = keep<true>(x, bound, kept, finite);
    }
    if (count < k && finite) {
        Scalar bound = folded_bound(x, width, k, lanes, rest);
        if (!any_above(lanes, width, bound)) return {bound, bound};  // no loss is larger: an empty account, or ties
        count = keep<false>(x, bound, kept, finite);
    }
    if (!finite) return {kNone, kNone};
    return measured(kept, count, wanted, kth(kept, count, k, rest));
}
