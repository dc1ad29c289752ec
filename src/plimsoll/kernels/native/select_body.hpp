// Quantile and shortfall of a padded vector of losses, included by loops.cpp after loops_body.hpp.
//
// Everything from the quantile on is wanted, about one loss in forty, and its order is not: so the losses are folded into
// at least 2k lanes of maxima, whose k-th largest is at most the k-th largest loss; one pass keeps what reaches that
// bound, about 1.4k numbers; and the k-th largest is sought among those.

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

// The numbers of x that are >= least, in order, whole vectors at a time and padded with minus infinity; how many.
template <typename Scalar>
PLIMSOLL_INLINE std::size_t keep(const Scalar* x, std::size_t vectors, Scalar least, Scalar* out) {
    std::size_t kept = 0;
#if defined(PLIMSOLL_COMPRESS)
    for (std::size_t i = 0; i < vectors; ++i) kept += compressed(vector_at(x, i), least, out + kept);
#else
    for (std::size_t i = 0; i < vectors; ++i) {
        for (std::size_t l = i * kLanes<Scalar>; l < (i + 1) * kLanes<Scalar>; ++l) {
            out[kept] = x[l];
            kept += x[l] >= least;
        }
    }
#endif
    for (std::size_t l = 0; l < kLanes<Scalar>; ++l) out[kept + l] = -std::numeric_limits<Scalar>::infinity();
    return kept;
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
    Mask<Scalar> count{};
    for (std::size_t i = 0; i < vectors; ++i) count -= Mask<Scalar>(vector_at(x, i) >= least);
    return lanes_set<Scalar>(count);
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

// Lane by lane the maxima of x[f], x[f + width], x[f + 2 width], ... for f below width.
template <typename Scalar, int Width>
PLIMSOLL_INLINE void fold(const Scalar* x, std::size_t vectors, Scalar* out) {
    Vector<Scalar> top[Width];
    for (int v = 0; v < Width; ++v) top[v] = vector_at(x, v);
    std::size_t i = Width;
    for (; i + Width <= vectors; i += Width) {
        for (int v = 0; v < Width; ++v) top[v] = vector_at(x, i + v) > top[v] ? vector_at(x, i + v) : top[v];
    }
    for (int v = 0; i < vectors; ++i, ++v) top[0] = vector_at(x, i) > top[0] ? vector_at(x, i) : top[0];
    for (int v = 0; v < Width; ++v) vector_at(out, v) = top[v];
}

template <typename Scalar>
void fold_wide(const Scalar* x, std::size_t vectors, std::size_t width, Scalar* out) {
    for (std::size_t v = 0; v < width; ++v) vector_at(out, v) = vector_at(x, v);
    for (std::size_t left = width; left < vectors; left += width) {
        const std::size_t end = vectors - left < width ? vectors - left : width;
        for (std::size_t v = 0; v < end; ++v) {
            const Vector<Scalar> own = vector_at(x, left + v);
            vector_at(out, v) = own > vector_at(out, v) ? own : vector_at(out, v);
        }
    }
}

// Quantile and shortfall of what was kept; everything above the quantile is in it.
template <typename Scalar>
PLIMSOLL_INLINE Measured<Scalar> measured(const Scalar* x, std::size_t n, Scalar quantile, double share) {
    Vector<Scalar> sum{};
    for (std::size_t i = 0; i < vectors_of<Scalar>(n); ++i) {
        const Vector<Scalar> own = vector_at(x, i);
        const Vector<Scalar> above = own > quantile ? own - quantile : Vector<Scalar>{};
        sum += Scalar(share) * above;
    }
    Scalar total = 0;
    for (std::size_t l = 0; l < kLanes<Scalar>; ++l) total += sum[l];
    return {quantile, quantile + total};
}

template <typename Scalar>
Measured<Scalar> tail(const Scalar* x, std::size_t n, const Tail& wanted, Scalar* scratch) {
    const std::size_t vectors = vectors_of<Scalar>(n), k = wanted.k;
    const std::size_t width = vectors_of<Scalar>(2 * k);
    const std::size_t room = (vectors + kRanked) * kLanes<Scalar>;
    Scalar *lanes = scratch, *kept = scratch + room, *rest = kept + room;
    if (vectors < 2 * width) {  // a tail as thick as this leaves little out
        std::copy(x, x + vectors * kLanes<Scalar>, kept);
        return measured(kept, n, kth(kept, n, k, rest), wanted.share);
    }
    switch (width) {
        case 1: fold<Scalar, 1>(x, vectors, lanes); break;
        case 2: fold<Scalar, 2>(x, vectors, lanes); break;
        case 3: fold<Scalar, 3>(x, vectors, lanes); break;
        case 4: fold<Scalar, 4>(x, vectors, lanes); break;
        default: fold_wide(x, vectors, width, lanes);
    }
    const Scalar bound = kth(lanes, width * kLanes<Scalar>, k, rest);
    if (!any_above(lanes, width, bound)) return {bound, bound};  // no loss is larger: an empty account, or ties
    const std::size_t count = keep(x, vectors, bound, kept);
    return measured(kept, count, kth(kept, count, k, rest), wanted.share);
}
