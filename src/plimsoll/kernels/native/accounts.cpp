#include "accounts.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <vector>

#include "shards.hpp"

namespace plimsoll {
namespace {

// Positions and accounts done at a time. A block of columns is read into the level-2 cache once for each such group, so
// groups are large beside it; their running results are read and written once for each block.
constexpr std::size_t kPositions = 128 * 1024;
constexpr std::size_t kAccounts = 8 * 1024;
// Losses of a group of accounts that wait for their selection, in bytes: as many as the P&L array has, within bounds.
constexpr std::size_t kLeastLosses = 4 * 1024 * 1024;
constexpr std::size_t kMostLosses = 32 * 1024 * 1024;

template <typename Scalar>
bool fits(double size) {
    return size <= static_cast<double>(std::numeric_limits<Scalar>::max());
}

// The P&L array cut into blocks of columns, each contiguous with whole vectors as rows.
template <typename Scalar>
class Columns {
  public:
    Columns(const Holdings& h, const double* weights, std::size_t threads)
        : vectors(vectors_of<Scalar>(h.scenarios)),
          rows_(vectors * kLanes<Scalar> * h.instruments, true),
          start_(vectors * kLanes<Scalar>),
          weights_(weights ? vectors * kLanes<Scalar> : 0),
          by_row_(h.instruments) {
        for (std::size_t first = 0; first < vectors; first += kWidest) {
            const std::size_t at = first * kLanes<Scalar>;
            blocks.push_back({std::min(kWidest, vectors - first), first, rows_.data() + at * h.instruments,
                              start_.data() + at, weights ? weights_.data() + at : nullptr});
        }
        for (std::size_t s = 0; s < vectors * kLanes<Scalar>; ++s) {
            const bool real = s < h.scenarios;
            start_.data()[s] = real ? Scalar(0) : -std::numeric_limits<Scalar>::infinity();
            if (weights) weights_.data()[s] = real ? static_cast<Scalar>(weights[s]) : Scalar(1);
        }
        for_shards(h.instruments, threads, [&](std::size_t begin, std::size_t end) {
            for (std::size_t i = begin; i < end; ++i) pack(h, i);
        });
        for (double one : by_row_) largest_ = one > largest_ || std::isnan(one) ? one : largest_;
    }

    // the largest |pnl| of each row, and of all; NaN where a number is not finite
    const double* by_row() const { return by_row_.data(); }
    double largest() const { return largest_; }

    const std::size_t vectors;
    std::vector<Block<Scalar>> blocks;

  private:
    void pack(const Holdings& h, std::size_t i) {
        const double* from = h.pnl + i * h.scenarios;
        Scalar* to = rows_.data();
        double most = 0.0;
        for (const Block<Scalar>& block : blocks) {
            const std::size_t left = block.first * kLanes<Scalar>;
            const std::size_t size = std::min(block.width * kLanes<Scalar>, h.scenarios - left);
            const std::size_t room = block.width * kLanes<Scalar>;
            const Range range = loops<Scalar>().pack(from + left, size, to + left * h.instruments + i * room);
            most = std::max(most, range.largest) + range.odd;
        }
        by_row_[i] = most;
    }

    Aligned<Scalar> rows_, start_, weights_;
    std::vector<double> by_row_;
    double largest_ = 0.0;
};

// One group of accounts: its positions made compact, and checked on the way.
template <typename Scalar>
class Group {
  public:
    bool take(const Holdings& h, const Columns<Scalar>& columns, double limit, std::size_t begin, std::size_t end) {
        const std::int64_t from = h.indptr[begin];
        const std::size_t size = static_cast<std::size_t>(h.indptr[end] - from);
        starts_.at_least(end - begin + 1);
        row_.at_least(size);
        quantity_.at_least(size);
        for (std::size_t a = begin; a <= end; ++a) {
            starts_.data()[a - begin] = static_cast<std::uint32_t>(h.indptr[a] - from);
        }
        std::uint64_t highest = 0;
        const Range range =
            loops<Scalar>().compact(h.indices + from, h.quantity + from, size, row_.data(), quantity_.data(), highest);
        positions = {end - begin, starts_.data(), row_.data(), quantity_.data()};
        if (size == 0) return true;
        if (highest >= h.instruments || !fits<Scalar>(range.largest + range.odd)) return false;
        // one bound for all suffices nearly always
        const double bound = static_cast<double>(size) * range.largest * columns.largest() + range.odd;
        return bound <= limit || each_within(h.quantity + from, columns.by_row(), limit);
    }

    Positions<Scalar> positions{};

  private:
    // The rows are those that were checked: the array they came from may have been written to meanwhile.
    bool each_within(const double* quantity, const double* largest, double limit) const {
        for (std::size_t a = 0; a < positions.accounts; ++a) {
            double gross = 0.0;
            for (std::uint32_t j = positions.starts[a]; j < positions.starts[a + 1]; ++j) {
                gross += std::fabs(quantity[j]) * largest[positions.row[j]];
            }
            if (!(gross <= limit)) return false;
        }
        return true;
    }

    Aligned<std::uint32_t> starts_, row_;
    Aligned<Scalar> quantity_;
};

std::vector<std::size_t> borders(const Holdings& h, std::size_t most) {
    std::vector<std::size_t> at{0};
    for (std::size_t a = 1; a < h.accounts; ++a) {
        const std::size_t begin = at.back();
        const std::size_t held = static_cast<std::size_t>(h.indptr[a + 1] - h.indptr[begin]);
        if (a - begin >= most || held > kPositions) at.push_back(a);
    }
    at.push_back(h.accounts);
    return at;
}

// work(group, first account, room of this thread) for each group; whoever is free takes the next one.
template <typename Scalar, typename Room, typename Work>
bool for_groups(const Holdings& h, const Columns<Scalar>& columns, double limit, std::size_t most,
                std::size_t threads, Work&& work) {
    if (!fits<Scalar>(columns.largest())) return false;
    threads = std::clamp<std::size_t>(threads, 1, std::max<std::size_t>(1, h.accounts));
    // few accounts are spread over all threads
    most = std::max<std::size_t>(16, std::min(most, h.accounts / (4 * threads)));
    const std::vector<std::size_t> border = borders(h, most);
    std::atomic<std::size_t> next{0};
    std::atomic<bool> good{true};
    const std::size_t groups = border.size() - 1;
    for_shards(std::min(threads, groups), threads, [&](std::size_t, std::size_t) {
        Group<Scalar> group;
        Room room;
        for (std::size_t g = next++; g < groups && good; g = next++) {
            if (!group.take(h, columns, limit, border[g], border[g + 1])) {
                good = false;
                return;
            }
            work(group.positions, border[g], room);
        }
    });
    return good;
}

template <typename Scalar>
struct WorstRoom {
    Aligned<Scalar> most;
    Aligned<typename LaneIndex<Scalar>::type> at;
};

template <typename Scalar>
struct TailRoom {
    Aligned<Scalar> losses, scratch;
};

}  // namespace

template <typename Scalar>
bool accounts_worst(const Holdings& h, const double* weights, double limit, std::size_t threads, Scalar* loss,
                    std::int64_t* scenario) {
    using Index = typename LaneIndex<Scalar>::type;
    constexpr std::size_t lanes = kLanes<Scalar>;
    const Columns<Scalar> columns(h, weights, threads);
    const Loops<Scalar>& loop = loops<Scalar>();
    auto work = [&](const Positions<Scalar>& positions, std::size_t first, WorstRoom<Scalar>& room) {
        const std::size_t size = positions.accounts * lanes;
        room.most.at_least(size);
        room.at.at_least(size);
        Scalar* most = room.most.data();
        Index* at = room.at.data();
        std::fill(most, most + size, -std::numeric_limits<Scalar>::infinity());
        std::fill(at, at + size, Index(0));
        for (const Block<Scalar>& block : columns.blocks) loop.worst(positions, block, most, at);
        loop.summary(most, at, positions.accounts, loss + first, scenario + first);
    };
    return for_groups<Scalar, WorstRoom<Scalar>>(h, columns, limit, kAccounts, threads, work);
}

template <typename Scalar>
bool accounts_tail(const Holdings& h, const Tail& tail, double limit, std::size_t threads, Scalar* quantile,
                   Scalar* shortfall) {
    const Columns<Scalar> columns(h, nullptr, threads);
    const Loops<Scalar>& loop = loops<Scalar>();
    const std::size_t stride = columns.vectors * kLanes<Scalar>;
    const std::size_t bytes = stride * sizeof(Scalar);
    const std::size_t most = std::max<std::size_t>(
        64, std::clamp(h.instruments * bytes, kLeastLosses, kMostLosses) / bytes);
    auto work = [&](const Positions<Scalar>& positions, std::size_t first, TailRoom<Scalar>& room) {
        room.losses.at_least(positions.accounts * stride, true);
        room.scratch.at_least(selection_room<Scalar>(h.scenarios));
        for (const Block<Scalar>& block : columns.blocks) loop.losses(positions, block, room.losses.data(), stride);
        for (std::size_t a = 0; a < positions.accounts; ++a) {
            const Measured<Scalar> found =
                loop.tail(room.losses.data() + a * stride, h.scenarios, tail, room.scratch.data());
            quantile[first + a] = found.quantile;
            shortfall[first + a] = found.shortfall;
        }
    };
    return for_groups<Scalar, TailRoom<Scalar>>(h, columns, limit, most, threads, work);
}

template bool accounts_worst<double>(const Holdings&, const double*, double, std::size_t, double*, std::int64_t*);
template bool accounts_worst<float>(const Holdings&, const double*, double, std::size_t, float*, std::int64_t*);
template bool accounts_tail<double>(const Holdings&, const Tail&, double, std::size_t, double*, double*);
template bool accounts_tail<float>(const Holdings&, const Tail&, double, std::size_t, float*, float*);

}  // namespace plimsoll
