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
// Rows that are packed side by side: what is written then lies in whole pages, one after the other.
constexpr std::size_t kRows = 16;
// More bytes than this are out of the caches before they are read again.
constexpr std::size_t kCached = 4 * 1024 * 1024;
// Losses of a group of accounts that wait for their selection, in bytes: as many as the P&L array has, within bounds.
constexpr std::size_t kLeastLosses = 4 * 1024 * 1024;
constexpr std::size_t kMostLosses = 32 * 1024 * 1024;

template <typename Scalar>
bool fits(double size) {
    return size <= static_cast<double>(std::numeric_limits<Scalar>::max());
}

// Where few positions are held, the rows that one of them needs; empty where all rows are taken.
class Used {
  public:
    explicit Used(const Holdings& h) {
        const std::size_t positions = static_cast<std::size_t>(h.indptr[h.accounts]);
        if (positions >= 4 * h.instruments) return;
        slot.assign(h.instruments, 0);
        for (std::size_t j = 0; j < positions; ++j) {
            const std::uint64_t own = static_cast<std::uint64_t>(h.indices[j]);
            if (own >= h.instruments) {
                good = false;
                return;
            }
            if (!slot[own]) {
                rows.push_back(static_cast<std::uint32_t>(own));
                slot[own] = static_cast<std::uint32_t>(rows.size());
            }
        }
    }
    bool good = true;
    std::vector<std::uint32_t> slot, rows;  // slot counts from 1
};

// The P&L array cut into blocks of columns, each contiguous with whole vectors as rows.
template <typename Scalar>
class Columns {
  public:
    Columns(const Holdings& h, const Used& used, const double* weights, std::size_t threads)
        : vectors(vectors_of<Scalar>(h.scenarios)),
          count_(used.slot.empty() ? h.instruments : used.rows.size()),
          rows_(vectors * kLanes<Scalar> * count_),
          start_(vectors * kLanes<Scalar>),
          weights_(weights ? vectors * kLanes<Scalar> : 0),
          by_row_(count_) {
        for (std::size_t first = 0; first < vectors; first += kWidest) {
            const std::size_t at = first * kLanes<Scalar>, width = std::min(kWidest, vectors - first);
            const std::size_t next = first + width < vectors ? std::min(kWidest, vectors - first - width) : 0;
            const Scalar* rows = rows_.data() + at * count_;
            blocks.push_back({width, first, rows, start_.data() + at, weights ? weights_.data() + at : nullptr,
                              rows + width * kLanes<Scalar> * count_, next * count_});
        }
        for (std::size_t s = 0; s < vectors * kLanes<Scalar>; ++s) {
            const bool real = s < h.scenarios;
            start_.data()[s] = real ? Scalar(0) : -std::numeric_limits<Scalar>::infinity();
            if (weights) weights_.data()[s] = real ? static_cast<Scalar>(weights[s]) : Scalar(1);
        }
        // a thread is not worth its start for what is packed in less time
        const std::size_t worth = 1 + count_ * h.scenarios / (128 * 1024);
        for_shards(count_, std::min(threads, worth), [&](std::size_t begin, std::size_t end) {
            for (std::size_t i = begin; i < end; i += kRows) pack(h, used, i, std::min(end, i + kRows));
            std::atomic_thread_fence(std::memory_order_seq_cst);
        });
        for (double one : by_row_) largest_ = one > largest_ || std::isnan(one) ? one : largest_;
    }

    // the largest |pnl| of each row, and of all; NaN where a number is not finite
    const double* by_row() const { return by_row_.data(); }
    double largest() const { return largest_; }

    const std::size_t vectors;
    std::vector<Block<Scalar>> blocks;

  private:
    void pack(const Holdings& h, const Used& used, std::size_t begin, std::size_t end) {
        const bool past = count_ * h.scenarios * sizeof(Scalar) > kCached;
        for (const Block<Scalar>& block : blocks) {
            const std::size_t left = block.first * kLanes<Scalar>;
            const std::size_t size = std::min(block.width * kLanes<Scalar>, h.scenarios - left);
            const std::size_t room = block.width * kLanes<Scalar>;
            Scalar* to = rows_.data() + left * count_;
            for (std::size_t i = begin; i < end; ++i) {
                const std::size_t row = used.slot.empty() ? i : used.rows[i];
                const double* from = h.pnl + row * h.scenarios + left;
                const Range range = loops<Scalar>().pack(from, size, to + i * room, past);
                by_row_[i] = std::max(by_row_[i], range.largest) + range.odd;
            }
        }
    }

    const std::size_t count_;
    Borrowed<Scalar> rows_;
    Aligned<Scalar> start_, weights_;
    std::vector<double> by_row_;
    double largest_ = 0.0;
};

// One group of accounts: its positions made compact, and checked on the way.
template <typename Scalar>
class Group {
  public:
    bool take(const Holdings& h, const Used& used, const Columns<Scalar>& columns, double limit, std::size_t begin,
              std::size_t end) {
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
        for (std::size_t j = 0; j < size && !used.slot.empty(); ++j) {
            // a row without a slot was not held when the slots were given: another thread has written to the indices
            const std::uint32_t slot = used.slot[row_.data()[j]];
            if (!slot) return false;
            row_.data()[j] = slot - 1;
        }
        // one bound for all suffices nearly always
        const double bound = static_cast<double>(size) * range.largest * columns.largest() + range.odd;
        return (fits<Scalar>(columns.largest()) && bound <= limit) || each_within(columns.by_row(), limit);
    }

    Positions<Scalar> positions{};

  private:
    // Only what was copied and checked is looked at: the arrays it came from may have been written to meanwhile.
    bool each_within(const double* largest, double limit) const {
        for (std::size_t a = 0; a < positions.accounts; ++a) {
            double gross = 0.0;
            for (std::uint32_t j = positions.starts[a]; j < positions.starts[a + 1]; ++j) {
                const double most = largest[positions.row[j]];
                if (!fits<Scalar>(most)) return false;
                gross += std::fabs(static_cast<double>(positions.quantity[j])) * most;
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
bool for_groups(const Holdings& h, const Used& used, const Columns<Scalar>& columns, double limit, std::size_t most,
                std::size_t threads, Work&& work) {
    threads = std::clamp<std::size_t>(threads, 1, std::max<std::size_t>(1, h.accounts));
    // few accounts are spread over all threads
    if (threads > 1) most = std::max<std::size_t>(16, std::min(most, h.accounts / (4 * threads)));
    const std::vector<std::size_t> border = borders(h, most);
    std::atomic<std::size_t> next{0};
    std::atomic<bool> good{true};
    const std::size_t groups = border.size() - 1;
    for_shards(std::min(threads, groups), threads, [&](std::size_t, std::size_t) {
        Group<Scalar> group;
        Room room;
        for (std::size_t g = next++; g < groups && good; g = next++) {
            if (!group.take(h, used, columns, limit, border[g], border[g + 1])) {
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
    Borrowed<Scalar> most;
    Borrowed<typename LaneIndex<Scalar>::type> at;
};

template <typename Scalar>
struct TailRoom {
    Borrowed<Scalar> losses;
    Aligned<Scalar> scratch;
};

}  // namespace

template <typename Scalar>
bool accounts_worst(const Holdings& h, const double* weights, double limit, std::size_t threads, Scalar* loss,
                    std::int64_t* scenario) {
    using Index = typename LaneIndex<Scalar>::type;
    constexpr std::size_t lanes = kLanes<Scalar>;
    const Used used(h);
    if (!used.good) return false;
    const Columns<Scalar> columns(h, used, weights, threads);
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
    return for_groups<Scalar, WorstRoom<Scalar>>(h, used, columns, limit, kAccounts, threads, work);
}

template <typename Scalar>
bool accounts_tail(const Holdings& h, const Tail& tail, double limit, std::size_t threads, Scalar* quantile,
                   Scalar* shortfall) {
    const Used used(h);
    if (!used.good) return false;
    const Columns<Scalar> columns(h, used, nullptr, threads);
    const Loops<Scalar>& loop = loops<Scalar>();
    const std::size_t stride = columns.vectors * kLanes<Scalar>;
    const std::size_t bytes = stride * sizeof(Scalar);
    const std::size_t most = std::max<std::size_t>(
        64, std::clamp(h.instruments * bytes, kLeastLosses, kMostLosses) / bytes);
    auto work = [&](const Positions<Scalar>& positions, std::size_t first, TailRoom<Scalar>& room) {
        room.losses.at_least(positions.accounts * stride);
        room.scratch.at_least(selection_room<Scalar>(h.scenarios));
        for (const Block<Scalar>& block : columns.blocks) loop.losses(positions, block, room.losses.data(), stride);
        for (std::size_t a = 0; a < positions.accounts; ++a) {
            const Measured<Scalar> found =
                loop.tail(room.losses.data() + a * stride, h.scenarios, tail, room.scratch.data());
            quantile[first + a] = found.quantile;
            shortfall[first + a] = found.shortfall;
        }
    };
    return for_groups<Scalar, TailRoom<Scalar>>(h, used, columns, limit, most, threads, work);
}

template bool accounts_worst<double>(const Holdings&, const double*, double, std::size_t, double*, std::int64_t*);
template bool accounts_worst<float>(const Holdings&, const double*, double, std::size_t, float*, std::int64_t*);
template bool accounts_tail<double>(const Holdings&, const Tail&, double, std::size_t, double*, double*);
template bool accounts_tail<float>(const Holdings&, const Tail&, double, std::size_t, float*, float*);

}  // namespace plimsoll
