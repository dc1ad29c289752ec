// The worst and the tail of long vectors of losses after an order without reading all of them, included by loops.cpp
// after select_body.hpp.
//
// Of each line of a vector of losses its largest number is kept, of each line of a P&L row its smallest and largest, as
// floats rounded outwards. From those comes what no loss of a line can exceed after the order. Lines are read from the
// highest bound down; whatever was read, its k-th largest loss is at most the k-th largest of all, so that lines with a
// lower bound cannot matter. The answer is exact; only how many lines it takes depends on where the tail lies.

// The number itself or more (Sign 1), or less (Sign -1), by more than what rounding could make of a product with it.
template <int Sign>
PLIMSOLL_INLINE float outwards(double x) {
    constexpr double kMost = std::numeric_limits<float>::max();
    const double size = x < 0.0 ? -x : x;
    const double wide = Sign * x + (size * 0x1p-22 + 1e-37);
    if (wide > kMost) return Sign * std::numeric_limits<float>::infinity();
    return static_cast<float>(Sign * (wide > -kMost ? wide : -kMost));
}

template <typename Scalar>
void peaks(const Scalar* losses, std::size_t vectors, float* out) {
    for (std::size_t i = 0; i < vectors; ++i) out[i] = outwards<1>(most_lane<Scalar>(vector_at(losses, i)));
    std::fill(out + vectors, out + vectors_of<float>(vectors) * kLanes<float>, -std::numeric_limits<float>::infinity());
}

template <typename Scalar>
void edges(const Scalar* row, std::size_t vectors, float* low, float* high) {
    const std::size_t padded = vectors_of<float>(vectors) * kLanes<float>;
    for (std::size_t i = 0; i < vectors; ++i) {
        low[i] = outwards<-1>(least_lane<Scalar>(vector_at(row, i)));
        high[i] = outwards<1>(most_lane<Scalar>(vector_at(row, i)));
    }
    std::fill(low + vectors, low + padded, 0.0f);
    std::fill(high + vectors, high + padded, 0.0f);
}

PLIMSOLL_INLINE Vector<double> widened(const float* from) {
    Vector<double> x;
    for (std::size_t l = 0; l < kLanes<double>; ++l) x[l] = static_cast<double>(from[l]);
    return x;
}

// What no loss of a line exceeds, for all lines; the largest of them.
PLIMSOLL_INLINE double bounds(const PeakedOrder& x, double* out) {
    const float* edge = x.factor < 0.0 ? x.low : x.high;
    Vector<double> most = Vector<double>{} - std::numeric_limits<double>::infinity();
    const std::size_t vectors = vectors_of<float>(x.vectors) * (kLanes<float> / kLanes<double>);
    for (std::size_t i = 0; i < vectors; ++i) {
        const Vector<double> own = widened(x.peaks + i * kLanes<double>) + x.factor * widened(edge + i * kLanes<double>);
        vector_at(out, i) = own;
        most = own > most ? own : most;
    }
    return most_lane<double>(most);
}

// One bit for each lane that is >= least.
PLIMSOLL_INLINE unsigned lanes_from(const Vector<double>& x, double least) {
#if defined(PLIMSOLL_COMPRESS)
    return _mm512_cmp_pd_mask(x, _mm512_set1_pd(least), _CMP_GE_OQ);
#else
    unsigned bits = 0;
    for (std::size_t l = 0; l < kLanes<double>; ++l) bits |= unsigned(x[l] >= least) << l;
    return bits;
#endif
}

// Lines whose bound is at least `least` and below `below`, asked for as they are found; how many.
PLIMSOLL_INLINE std::size_t lines_from(const PeakedOrder& x, const double* bound, double least, double below,
                                       std::uint32_t* lines) {
    std::size_t count = 0;
    const std::size_t vectors = vectors_of<double>(x.vectors);
    for (std::size_t i = 0; i < vectors; ++i) {
        unsigned found = lanes_from(vector_at(bound, i), least) & ~lanes_from(vector_at(bound, i), below);
        for (; found; found &= found - 1) {
            const std::size_t line = i * kLanes<double> + static_cast<std::size_t>(__builtin_ctz(found));
            __builtin_prefetch(x.losses + line * kLanes<double>);
            __builtin_prefetch(x.row + line * kLanes<double>);
            lines[count++] = static_cast<std::uint32_t>(line);
        }
    }
    return count;
}

PLIMSOLL_INLINE Vector<double> line_after(const PeakedOrder& x, std::size_t line) {
    return vector_at(x.losses, line) + x.factor * vector_at(x.row, line);
}

// A number that at least `least` of the numbers reach and, where few steps find such a one, at most `most`. There are
// `least` numbers above minus infinity.
PLIMSOLL_INLINE double reached_by(const double* x, std::size_t vectors, std::size_t least, std::size_t most) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    Vector<double> low = Vector<double>{} + kInfinity, high = Vector<double>{} - kInfinity;
    for (std::size_t i = 0; i < vectors; ++i) {
        const Vector<double> own = vector_at(x, i);
        const Vector<double> real = own > -kInfinity ? own : Vector<double>{} + kInfinity;
        low = real < low ? real : low;
        high = own > high ? own : high;
    }
    double from = least_lane<double>(low), above = most_lane<double>(high);
    std::size_t reach = vectors * kLanes<double>, fewest = 0;
    for (int step = 0; step < 16 && reach > most; ++step) {
        const double wanted = 0.5 * static_cast<double>(least + most);
        const double part =
            step % 2 ? 0.5 : (static_cast<double>(reach) - wanted) / static_cast<double>(reach - fewest);
        const double middle = from * (1.0 - part) + above * part;
        if (!(middle > from && middle < above)) break;
        const std::size_t count = count_from(x, vectors, middle);
        if (count >= least) {
            from = middle;
            reach = count;
        } else {
            above = middle;
            fewest = count;
        }
    }
    return from;
}

double peaked_most(const PeakedOrder& x, double* scratch) {
    const double highest = bounds(x, scratch);
    const std::size_t vectors = vectors_of<double>(x.vectors);
    double top = -std::numeric_limits<double>::infinity();
    // the line with the highest bound first: few others reach what it has
    for (double least : {highest, top}) {
        for (std::size_t i = 0; i < vectors; ++i) {
            unsigned found = lanes_from(vector_at(scratch, i), least > top ? least : top);
            for (; found; found &= found - 1) {
                const std::size_t line = i * kLanes<double> + static_cast<std::size_t>(__builtin_ctz(found));
                const double own = most_lane<double>(line_after(x, line));
                top = own > top ? own : top;
            }
        }
    }
    return top;
}

// A line read here and there takes as long as three in a row.
PLIMSOLL_INLINE bool too_many(std::size_t lines, std::size_t vectors) { return 8 * lines > 3 * vectors; }

Measured<double> peaked_tail(const PeakedOrder& x, const Tail& wanted, double* scratch) {
    constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
    const std::size_t k = wanted.k, lines = vectors_of<double>(x.vectors);
    // twice the lines that the tail would fill, so that what they hold comes near its edge
    const std::size_t least = k / kLanes<double> * 2 + 4;
    if (4 * least > x.vectors) return {kNone, kNone};
    double* bound = scratch;
    double* value = bound + vectors_of<float>(x.vectors) * kLanes<float>;
    double* kept = value + (x.vectors + 1) * kLanes<double>;
    double* room = kept + (x.vectors + 1 + kRanked) * kLanes<double>;
    auto* line = reinterpret_cast<std::uint32_t*>(room + (x.vectors + 1 + kRanked) * kLanes<double>);
    const double highest = bounds(x, bound);
    if (!(highest < std::numeric_limits<double>::infinity())) return {kNone, kNone};
    const double first = reached_by(bound, lines, least, 2 * least);
    if (too_many(count_from(bound, lines, first), x.vectors)) return {kNone, kNone};
    std::size_t count = lines_from(x, bound, first, std::numeric_limits<double>::infinity(), line);
    for (std::size_t j = 0; j < count; ++j) vector_at(value, j) = line_after(x, line[j]);
    const double edge = reached_by(value, count, k, k + k / 8);
    if (edge < first) {
        if (too_many(count_from(bound, lines, edge), x.vectors)) return {kNone, kNone};
        const std::size_t more = lines_from(x, bound, edge, first, line);
        for (std::size_t j = 0; j < more; ++j) vector_at(value, count + j) = line_after(x, line[j]);
        count += more;
    }
    const std::size_t size = keep(value, count, edge, kept);
    return measured(kept, size, wanted, kth(kept, size, k, room));
}
