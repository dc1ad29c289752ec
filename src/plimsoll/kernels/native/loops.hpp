// The inner loops of accounts, selection and book, as tables of functions: one table per instruction set, the best that
// this processor has is chosen once.
//
// A vector here is one cache line: kLanes<Scalar> numbers. Arrays named so hold whole vectors, start on a line and are
// padded: losses with minus infinity, P&L rows with zeros, weights with ones. A pad then never becomes a number.
#pragma once

#include <cstddef>
#include <cstdint>

#include "aligned.hpp"

namespace plimsoll {

template <typename Scalar>
constexpr std::size_t kLanes = kLine / sizeof(Scalar);

template <typename Scalar>
constexpr std::size_t vectors_of(std::size_t size) {
    return (size + kLanes<Scalar> - 1) / kLanes<Scalar>;
}

// Columns of the P&L array that are worked on together: at most this many vectors stay in registers.
constexpr std::size_t kWidest = 4;

template <typename Scalar>
struct LaneIndex;
template <>
struct LaneIndex<double> {
    using type = std::int64_t;
};
template <>
struct LaneIndex<float> {
    using type = std::int32_t;
};

// Positions of some accounts: account a holds minus quantity[j] of row[j], j from starts[a] up to starts[a + 1].
template <typename Scalar>
struct Positions {
    std::size_t accounts;
    const std::uint32_t* starts;
    const std::uint32_t* row;
    const Scalar* quantity;
};

// A block of columns: rows of `width` vectors one after the other.
template <typename Scalar>
struct Block {
    std::size_t width, first;  // in vectors
    const Scalar* rows;
    const Scalar* start;    // the loss before any position: 0, minus infinity in pads
    const Scalar* weights;  // null when all are 1
    const Scalar* next;     // the rows of the next block, `ahead` vectors: worth fetching
    std::size_t ahead;
};

// The worst 1 - level of n equal probabilities: the k-th largest loss is its quantile; each excess counts `share`.
struct Tail {
    std::size_t k;
    double share;
};

template <typename Scalar>
struct Measured {
    Scalar quantile, shortfall;
};

// The largest magnitude of some numbers; a sum of each number minus itself, so NaN where one is not finite.
struct Range {
    double largest, odd;
};

// One order on a vector of losses of which the largest number of each line is known, and of the row the range of each:
// losses + factor * row is asked about. Peaks, lows and highs are padded to whole vectors of floats.
struct PeakedOrder {
    const double *losses, *row;
    double factor;
    std::size_t vectors;
    const float *peaks, *low, *high;
};

template <typename Scalar>
struct Loops {
    using Index = typename LaneIndex<Scalar>::type;
    Range (*range)(const double* in, std::size_t size);
    // out = in, padded with zeros to whole vectors; `past` the caches where the processor can, and then a fence has to
    // follow before another thread reads it
    Range (*pack)(const double* in, std::size_t size, Scalar* out, bool past);
    // the rows as 32-bit numbers, and minus the quantities; the highest row goes to `highest`
    Range (*compact)(const std::int64_t* indices, const double* in, std::size_t size, std::uint32_t* row,
                     Scalar* quantity, std::uint64_t& highest);
    // lane by lane the largest weighted loss so far and the vector that it is in, one vector of each per account
    void (*worst)(const Positions<Scalar>&, const Block<Scalar>&, Scalar* most, Index* at);
    // what `worst` found in all blocks: the largest and the first scenario that has it
    void (*summary)(const Scalar* most, const Index* at, std::size_t accounts, Scalar* loss, std::int64_t* scenario);
    // the losses themselves, accounts `stride` numbers apart
    void (*losses)(const Positions<Scalar>&, const Block<Scalar>&, Scalar* out, std::size_t stride);
    // quantile and shortfall of n losses, not padded and anywhere; scratch has selection_room(n) numbers. Losses
    // have to be finite; only of long ones is that found out, and told by NaN
    Measured<Scalar> (*tail)(const Scalar* losses, std::size_t n, const Tail& tail, Scalar* scratch);
    // max(losses + factor * row), and the vector losses + factor * row itself
    Scalar (*most)(const Scalar* losses, const Scalar* row, Scalar factor, std::size_t vectors);
    void (*add)(const Scalar* losses, const Scalar* row, Scalar factor, std::size_t vectors, Scalar* out);
    // bounds of each line of a vector: rounded outwards, out of them where a number is none as a float
    void (*peaks)(const Scalar* losses, std::size_t vectors, float* out);
    void (*edges)(const Scalar* row, std::size_t vectors, float* low, float* high);
};

// Answers that read the lines that matter only; scratch has peaked_room(vectors) numbers.
struct PeakedLoops {
    double (*most)(const PeakedOrder&, double* scratch);
    // NaN where so many lines matter that all may be read as well
    Measured<double> (*tail)(const PeakedOrder&, const Tail& tail, double* scratch);
};

// Losses are long from so many vectors on.
constexpr std::size_t kLong = 512;

// Up to this many vectors the k-th largest is found by ranking each number.
constexpr std::size_t kRanked = 4;

template <typename Scalar>
constexpr std::size_t selection_room(std::size_t n) {
    return 3 * (vectors_of<Scalar>(n) + kRanked) * kLanes<Scalar>;
}

constexpr std::size_t peaked_room(std::size_t vectors) {
    return vectors_of<float>(vectors) * kLanes<float> + 3 * (vectors + 1 + kRanked) * kLanes<double> + vectors;
}

const PeakedLoops& peaked_loops();
template <typename Scalar>
const Loops<Scalar>& loops();
template <>
const Loops<double>& loops<double>();
template <>
const Loops<float>& loops<float>();

}  // namespace plimsoll
