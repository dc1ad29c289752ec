// Loops over vectors, included by loops.cpp once for each instruction set, inside a namespace of its own: vector code
// is lowered for the instruction set that holds where a function is defined, so clones of one function would not do.
// No include guard, and no include: what stands here must not be shared between instruction sets.

// Vectors pass through references, since how one is passed by value differs between instruction sets.
template <typename Scalar>
struct Lanes;
template <>
struct Lanes<double> {
    typedef double Vector __attribute__((vector_size(64)));
    typedef std::int64_t Mask __attribute__((vector_size(64)));
};
template <>
struct Lanes<float> {
    typedef float Vector __attribute__((vector_size(64)));
    typedef std::int32_t Mask __attribute__((vector_size(64)));
};
template <typename Scalar>
using Vector = typename Lanes<Scalar>::Vector;
template <typename Scalar>
using Mask = typename Lanes<Scalar>::Mask;

template <typename Scalar>
PLIMSOLL_INLINE const Vector<Scalar>& vector_at(const Scalar* from, std::size_t index) {
    return reinterpret_cast<const Vector<Scalar>*>(from)[index];
}
template <typename Scalar>
PLIMSOLL_INLINE Vector<Scalar>& vector_at(Scalar* from, std::size_t index) {
    return reinterpret_cast<Vector<Scalar>*>(from)[index];
}

template <typename Scalar>
PLIMSOLL_INLINE Scalar most_lane(const Vector<Scalar>& x) {
    Scalar most = x[0];
    for (std::size_t l = 1; l < kLanes<Scalar>; ++l) most = x[l] > most ? x[l] : most;
    return most;
}
template <typename Scalar>
PLIMSOLL_INLINE Scalar least_lane(const Vector<Scalar>& x) {
    Scalar least = x[0];
    for (std::size_t l = 1; l < kLanes<Scalar>; ++l) least = x[l] < least ? x[l] : least;
    return least;
}

// From an array that need not start on a line.
template <typename Scalar>
PLIMSOLL_INLINE Vector<Scalar> loaded(const Scalar* from) {
    Vector<Scalar> x;
    std::memcpy(&x, from, sizeof x);
    return x;
}

// Magnitudes of many numbers, a vector at a time.
struct Magnitudes {
    PLIMSOLL_INLINE void see(const Vector<double>& x) {
        const Vector<double> size = x < 0.0 ? -x : x;
        largest = size > largest ? size : largest;
        odd += x - x;
    }
    PLIMSOLL_INLINE Range range() const {
        double sum = 0.0;
        for (std::size_t l = 0; l < kLanes<double>; ++l) sum += odd[l];
        return {most_lane<double>(largest), sum};
    }
    Vector<double> largest{}, odd{};
};

PLIMSOLL_INLINE void stored(const Vector<double>& x, double* to) { std::memcpy(to, &x, sizeof x); }
PLIMSOLL_INLINE void stored(const Vector<double>& x, float* to) {
    for (std::size_t l = 0; l < kLanes<double>; ++l) to[l] = static_cast<float>(x[l]);
}

// A whole line, which is then not read into the cache first.
PLIMSOLL_INLINE void stored_past(const Vector<double>& x, double* to) {
#if defined(PLIMSOLL_COMPRESS)
    _mm512_stream_pd(to, x);
#else
    stored(x, to);
#endif
}
PLIMSOLL_INLINE void stored_past(const Vector<double>& x, float* to) { stored(x, to); }

template <typename Scalar>
Range pack(const double* in, std::size_t size, Scalar* out, bool past) {
    Magnitudes seen;
    std::size_t s = 0;
    for (; past && s + kLanes<double> <= size; s += kLanes<double>) {
        const Vector<double> x = loaded(in + s);
        seen.see(x);
        stored_past(x, out + s);
    }
    for (; s + kLanes<double> <= size; s += kLanes<double>) {
        const Vector<double> x = loaded(in + s);
        seen.see(x);
        stored(x, out + s);
    }
    Vector<double> last{};
    for (std::size_t l = 0; s + l < size; ++l) {
        last[l] = in[s + l];
        out[s + l] = static_cast<Scalar>(in[s + l]);
    }
    seen.see(last);
    std::fill(out + size, out + vectors_of<Scalar>(size) * kLanes<Scalar>, Scalar(0));
    return seen.range();
}

Range range(const double* in, std::size_t size) {
    Magnitudes seen;
    std::size_t s = 0;
    for (; s + kLanes<double> <= size; s += kLanes<double>) seen.see(loaded(in + s));
    Vector<double> last{};
    for (std::size_t l = 0; s + l < size; ++l) last[l] = in[s + l];
    seen.see(last);
    return seen.range();
}

template <typename Scalar>
Range compact(const std::int64_t* indices, const double* in, std::size_t size, std::uint32_t* row, Scalar* quantity,
              std::uint64_t& highest) {
    std::uint64_t most = 0;
    for (std::size_t j = 0; j < size; ++j) {
        const std::uint64_t own = static_cast<std::uint64_t>(indices[j]);
        most = own > most ? own : most;
        row[j] = static_cast<std::uint32_t>(own);
    }
    highest = most;
    Magnitudes seen;
    std::size_t j = 0;
    for (; j + kLanes<double> <= size; j += kLanes<double>) {
        const Vector<double> x = loaded(in + j);
        seen.see(x);
        stored(-x, quantity + j);
    }
    Vector<double> last{};
    for (std::size_t l = 0; j + l < size; ++l) {
        last[l] = in[j + l];
        quantity[j + l] = static_cast<Scalar>(-in[j + l]);
    }
    seen.see(last);
    return seen.range();
}

template <typename Scalar, int Width>
PLIMSOLL_INLINE void sum_positions(const Positions<Scalar>& p, const Block<Scalar>& block, std::size_t account,
                                   Vector<Scalar> (&sum)[Width]) {
    for (int v = 0; v < Width; ++v) sum[v] = vector_at(block.start, v);
    for (std::uint32_t j = p.starts[account]; j < p.starts[account + 1]; ++j) {
        const Scalar* row = block.rows + std::size_t(p.row[j]) * (Width * kLanes<Scalar>);
        const Scalar quantity = p.quantity[j];
        for (int v = 0; v < Width; ++v) sum[v] += quantity * vector_at(row, v);
    }
}

// Fetches the rows of the next block into the level-2 cache, some lines for each account of this one.
template <typename Scalar>
struct Ahead {
    PLIMSOLL_INLINE Ahead(const Positions<Scalar>& p, const Block<Scalar>& block)
        : next(reinterpret_cast<const char*>(block.next)),
          end(next + block.ahead * kLine),
          step(p.accounts ? block.ahead / p.accounts + 1 : 0) {}
    PLIMSOLL_INLINE void fetch() {
        for (std::size_t line = 0; line < step && next < end; ++line, next += kLine) __builtin_prefetch(next, 0, 2);
    }
    const char *next, *end;
    std::size_t step;
};

template <typename Scalar, int Width, bool Weighted>
void worst_loop(const Positions<Scalar>& p, const Block<Scalar>& block, Scalar* most,
                typename LaneIndex<Scalar>::type* at) {
    Ahead<Scalar> ahead(p, block);
    for (std::size_t a = 0; a < p.accounts; ++a) {
        ahead.fetch();
        Vector<Scalar> sum[Width];
        sum_positions<Scalar, Width>(p, block, a, sum);
        Vector<Scalar> top = vector_at(most, a);
        Mask<Scalar> where = reinterpret_cast<Mask<Scalar>*>(at)[a];
        for (int v = 0; v < Width; ++v) {
            if (Weighted) sum[v] *= vector_at(block.weights, v);
            const Mask<Scalar> more = sum[v] > top;
            const Mask<Scalar> here = Mask<Scalar>{} + typename LaneIndex<Scalar>::type(block.first + v);
            top = more ? sum[v] : top;
            where = more ? here : where;
        }
        vector_at(most, a) = top;
        reinterpret_cast<Mask<Scalar>*>(at)[a] = where;
    }
}

template <typename Scalar>
void summary(const Scalar* most, const typename LaneIndex<Scalar>::type* at, std::size_t accounts, Scalar* loss,
             std::int64_t* scenario) {
    using Index = typename LaneIndex<Scalar>::type;
    Mask<Scalar> lane;
    for (std::size_t l = 0; l < kLanes<Scalar>; ++l) lane[l] = static_cast<Index>(l);
    const Mask<Scalar> none = Mask<Scalar>{} + std::numeric_limits<Index>::max();
    for (std::size_t a = 0; a < accounts; ++a) {
        const Scalar largest = most_lane<Scalar>(vector_at(most, a));
        // each lane has the first of its own; the first of all is wanted
        const Mask<Scalar> here = reinterpret_cast<const Mask<Scalar>*>(at)[a] * Index(kLanes<Scalar>) + lane;
        const Mask<Scalar> first = vector_at(most, a) == largest ? here : none;
        Index where = first[0];
        for (std::size_t l = 1; l < kLanes<Scalar>; ++l) where = first[l] < where ? first[l] : where;
        loss[a] = largest + Scalar(0);  // never -0.0
        scenario[a] = where;
    }
}

template <typename Scalar, int Width>
void losses_loop(const Positions<Scalar>& p, const Block<Scalar>& block, Scalar* out, std::size_t stride) {
    Ahead<Scalar> ahead(p, block);
    for (std::size_t a = 0; a < p.accounts; ++a) {
        ahead.fetch();
        Vector<Scalar> sum[Width];
        sum_positions<Scalar, Width>(p, block, a, sum);
        Scalar* to = out + a * stride + block.first * kLanes<Scalar>;
        for (int v = 0; v < Width; ++v) vector_at(to, v) = sum[v];
    }
}

template <typename Scalar, bool Weighted>
void worst_of_width(const Positions<Scalar>& p, const Block<Scalar>& block, Scalar* most,
                    typename LaneIndex<Scalar>::type* at) {
    switch (block.width) {
        case 1: return worst_loop<Scalar, 1, Weighted>(p, block, most, at);
        case 2: return worst_loop<Scalar, 2, Weighted>(p, block, most, at);
        case 3: return worst_loop<Scalar, 3, Weighted>(p, block, most, at);
        default: return worst_loop<Scalar, 4, Weighted>(p, block, most, at);
    }
}

template <typename Scalar>
void worst(const Positions<Scalar>& p, const Block<Scalar>& block, Scalar* most,
           typename LaneIndex<Scalar>::type* at) {
    if (block.weights) {
        worst_of_width<Scalar, true>(p, block, most, at);
    } else {
        worst_of_width<Scalar, false>(p, block, most, at);
    }
}

template <typename Scalar>
void losses(const Positions<Scalar>& p, const Block<Scalar>& block, Scalar* out, std::size_t stride) {
    switch (block.width) {
        case 1: return losses_loop<Scalar, 1>(p, block, out, stride);
        case 2: return losses_loop<Scalar, 2>(p, block, out, stride);
        case 3: return losses_loop<Scalar, 3>(p, block, out, stride);
        default: return losses_loop<Scalar, 4>(p, block, out, stride);
    }
}

template <typename Scalar>
Scalar most(const Scalar* losses, const Scalar* row, Scalar factor, std::size_t vectors) {
    constexpr int kApart = 4;
    Vector<Scalar> top[kApart];
    for (int v = 0; v < kApart; ++v) top[v] = Vector<Scalar>{} - std::numeric_limits<Scalar>::infinity();
    std::size_t i = 0;
    for (; i + kApart <= vectors; i += kApart) {
        for (int v = 0; v < kApart; ++v) {
            const Vector<Scalar> loss = vector_at(losses, i + v) + factor * vector_at(row, i + v);
            top[v] = loss > top[v] ? loss : top[v];
        }
    }
    for (; i < vectors; ++i) {
        const Vector<Scalar> loss = vector_at(losses, i) + factor * vector_at(row, i);
        top[0] = loss > top[0] ? loss : top[0];
    }
    for (int v = 1; v < kApart; ++v) top[0] = top[v] > top[0] ? top[v] : top[0];
    return most_lane<Scalar>(top[0]);
}

template <typename Scalar>
void add(const Scalar* losses, const Scalar* row, Scalar factor, std::size_t vectors, Scalar* out) {
    for (std::size_t i = 0; i < vectors; ++i) {
        vector_at(out, i) = vector_at(losses, i) + factor * vector_at(row, i);
    }
}
