// Losses of many accounts kept up to date: what an order would make of one, fills, new prices. Meaning and errors are
// those of plimsoll/kernels/book.py.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <shared_mutex>
#include <vector>

#include "accounts.hpp"
#include "loops.hpp"

namespace plimsoll {

struct Position {
    std::uint32_t row;
    double quantity;
};

struct Orders {
    std::size_t count;
    const std::int64_t* account;
    const std::int64_t* instrument;
    const double* quantity;
};

enum class Measure { worst, quantile, shortfall };

// Arguments are checked on the way in, std::out_of_range and std::invalid_argument name them. Nothing here takes
// `mutex`: callers hold it, shared to read and alone to write.
class Book {
  public:
    // tail.k is 0 where no level was given
    Book(const Holdings& holdings, const Tail& tail, double limit);

    // the measure of the account's losses after `quantity` more of the instrument
    double after(Measure measure, std::int64_t account, std::int64_t instrument, double quantity) const;
    void after_each(Measure measure, const Orders& orders, std::size_t threads, double* out) const;

    void apply(std::int64_t account, std::int64_t instrument, double quantity);
    // rows `instrument[r]` become pnl[r, :]; nothing changes where this throws
    void reprice(const std::int64_t* instrument, const double* pnl, std::size_t count, std::size_t threads);
    // losses anew from positions and prices
    void rebuild(std::size_t threads);

    std::size_t accounts() const { return held_.size(); }
    std::size_t instruments() const { return instruments_; }
    std::size_t scenarios() const { return scenarios_; }
    void losses(std::int64_t account, double* out) const;
    const std::vector<std::vector<Position>>& held() const { return held_; }

    mutable std::shared_mutex mutex;

  private:
    std::size_t checked_account(std::int64_t account) const;
    std::size_t checked_instrument(std::int64_t instrument) const;
    void check_order(std::size_t instrument, double quantity) const;
    void check_gross(std::size_t account, const std::vector<Position>& held, const double* largest) const;
    double unchecked(Measure measure, std::size_t account, std::size_t instrument, double quantity) const;
    double by_bounds(Measure measure, std::size_t account, std::size_t instrument, double quantity) const;

    double* losses_of(std::size_t account) { return losses_.data() + account * stride_; }
    const double* row(std::size_t instrument) const { return rows_.data() + instrument * stride_; }
    void order_scenarios();
    void ordered(const double* row, double* out) const;
    void find_peaks(std::size_t account);
    void find_edges(std::size_t instrument);

    const std::size_t instruments_, scenarios_, vectors_, stride_;
    const Tail tail_;
    const double limit_;
    const Loops<double>& loop_;
    Aligned<double> losses_, rows_;  // padded with minus infinity and with zeros
    std::vector<double> largest_;    // |pnl| of each row
    std::vector<std::vector<Position>> held_;

    // Of long vectors the lines that matter are found by their bounds; see peaks_body.hpp. Then the scenario that
    // stands at each place is in `order_`, which is empty otherwise.
    std::vector<std::uint32_t> order_;
    std::size_t bounds_;  // of a vector, padded
    Aligned<float> peaks_, lows_, highs_;
    // how many questions about tails to answer without bounds; or minus how many in a row had no use of them
    mutable std::atomic<int> pause_{0};
};

}  // namespace plimsoll
