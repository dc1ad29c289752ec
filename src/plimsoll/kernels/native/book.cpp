#include "book.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>

#include "scenario_order.hpp"
#include "shards.hpp"

namespace plimsoll {
namespace {

// From so many scenarios on, vectors have bounds: below, reading them whole is as fast.
constexpr std::size_t kBounded = 2048;
// Rows beyond this, where a bound may be no number, are read whole.
constexpr double kWidestRow = 1e38;
// After so many questions about tails that bounds did not help, so many are answered from whole vectors.
constexpr int kTries = 3, kPause = 100;

std::string number(double x) {
    char text[40];
    std::snprintf(text, sizeof text, "%.17g", x);
    return text;
}

// An array without rows may have any number of columns.
std::size_t product(std::size_t rows, std::size_t columns) {
    if (columns && rows > std::numeric_limits<std::size_t>::max() / columns) throw std::bad_array_new_length();
    return rows * columns;
}

// Room for the questions of this thread.
Aligned<double>& own_room() {
    thread_local Aligned<double> room;
    return room;
}

std::size_t within(const char* name, std::int64_t index, std::size_t count) {
    if (index < 0 || static_cast<std::size_t>(index) >= count) {
        throw std::out_of_range(std::string(name) + ": got " + std::to_string(index) +
                                (count ? ", must be from 0 to " + std::to_string(count - 1) : ", there is none"));
    }
    return static_cast<std::size_t>(index);
}

}  // namespace

Book::Book(const Holdings& h, const Tail& tail, double limit)
    : instruments_(h.instruments),
      scenarios_(h.scenarios),
      vectors_(vectors_of<double>(h.scenarios)),
      stride_(vectors_ * kLanes<double>),
      tail_(tail),
      limit_(limit),
      loop_(loops<double>()),
      losses_(product(h.accounts, stride_), true),
      rows_(product(h.instruments, stride_), true),
      largest_(h.instruments),
      held_(h.accounts),
      bounds_(scenarios_ < kBounded ? 0 : vectors_of<float>(vectors_) * kLanes<float>),
      peaks_(product(h.accounts, bounds_), true),
      lows_(product(h.instruments, bounds_), true),
      highs_(product(h.instruments, bounds_), true) {
    for (std::size_t i = 0; i < instruments_; ++i) {
        const Range range = loop_.pack(h.pnl + i * scenarios_, scenarios_, rows_.data() + i * stride_, false);
        largest_[i] = range.largest + range.odd;
        if (!(largest_[i] <= limit_)) throw std::invalid_argument("pnl: a number is not finite or too large");
    }
    for (std::size_t a = 0; a < h.accounts; ++a) {
        held_[a].reserve(static_cast<std::size_t>(h.indptr[a + 1] - h.indptr[a]));
        for (std::int64_t j = h.indptr[a]; j < h.indptr[a + 1]; ++j) {
            held_[a].push_back({static_cast<std::uint32_t>(checked_instrument(h.indices[j])), h.quantity[j]});
        }
        check_gross(a, held_[a], largest_.data());
    }
    if (bounds_) order_scenarios();
    rebuild(1);
}

void Book::order_scenarios() {
    order_ = scenario_order(rows_.data(), stride_, instruments_, scenarios_, largest_.data());
    Aligned<double> given(stride_);
    for (std::size_t i = 0; i < instruments_; ++i) {
        double* own = rows_.data() + i * stride_;
        std::copy(own, own + stride_, given.data());
        ordered(given.data(), own);
        find_edges(i);
    }
}

void Book::ordered(const double* row, double* out) const {
    for (std::size_t place = 0; place < scenarios_; ++place) out[place] = row[order_[place]];
    std::fill(out + scenarios_, out + stride_, 0.0);
}

void Book::find_peaks(std::size_t account) {
    if (bounds_) loop_.peaks(losses_of(account), vectors_, peaks_.data() + account * bounds_);
}

void Book::find_edges(std::size_t instrument) {
    loop_.edges(row(instrument), vectors_, lows_.data() + instrument * bounds_, highs_.data() + instrument * bounds_);
}

void Book::losses(std::int64_t account, double* out) const {
    const double* from = losses_.data() + checked_account(account) * stride_;
    for (std::size_t s = 0; s < scenarios_; ++s) out[order_.empty() ? s : order_[s]] = from[s];
}

std::size_t Book::checked_account(std::int64_t account) const { return within("account", account, accounts()); }
std::size_t Book::checked_instrument(std::int64_t instrument) const {
    return within("instrument", instrument, instruments_);
}

// With both this and check_gross no sum of losses leaves the range of a double.
void Book::check_order(std::size_t instrument, double quantity) const {
    if (!(std::fabs(quantity) * largest_[instrument] <= limit_) || !std::isfinite(quantity)) {
        throw std::invalid_argument("quantity: got " + number(quantity) +
                                    ", must be finite and |quantity * pnl| at most " + number(limit_));
    }
}

void Book::check_gross(std::size_t account, const std::vector<Position>& held, const double* largest) const {
    double gross = 0.0;
    for (const Position& one : held) gross += std::fabs(one.quantity) * largest[one.row];
    if (!(gross <= limit_)) {
        throw std::invalid_argument("quantity * pnl: account " + std::to_string(account) + " has a gross sum of " +
                                    number(gross) + ", must be at most " + number(limit_));
    }
}

double Book::unchecked(Measure measure, std::size_t account, std::size_t instrument, double quantity) const {
    const double* losses = losses_.data() + account * stride_;
    if (bounds_ && largest_[instrument] <= kWidestRow) {
        const double found = by_bounds(measure, account, instrument, quantity);
        if (!std::isnan(found)) return found + 0.0;
    }
    if (measure == Measure::worst) return loop_.most(losses, row(instrument), -quantity, vectors_) + 0.0;
    Aligned<double>& room = own_room();
    room.at_least(stride_ + selection_room<double>(scenarios_));
    loop_.add(losses, row(instrument), -quantity, vectors_, room.data());
    const Measured<double> found = loop_.tail(room.data(), scenarios_, tail_, room.data() + stride_);
    return (measure == Measure::quantile ? found.quantile : found.shortfall) + 0.0;
}

// NaN where bounds are of no use.
double Book::by_bounds(Measure measure, std::size_t account, std::size_t instrument, double quantity) const {
    const PeakedLoops& loop = peaked_loops();
    Aligned<double>& room = own_room();
    room.at_least(peaked_room(vectors_));
    const PeakedOrder order{losses_.data() + account * stride_,
                            row(instrument),
                            -quantity,
                            vectors_,
                            peaks_.data() + account * bounds_,
                            lows_.data() + instrument * bounds_,
                            highs_.data() + instrument * bounds_};
    if (measure == Measure::worst) return loop.most(order, room.data());
    const int pause = pause_.load(std::memory_order_relaxed);
    if (pause > 0) {
        pause_.store(pause - 1, std::memory_order_relaxed);
        return std::numeric_limits<double>::quiet_NaN();
    }
    const Measured<double> found = loop.tail(order, tail_, room.data());
    const bool helped = !std::isnan(found.quantile);
    if (!helped) {
        pause_.store(pause > -kTries ? pause - 1 : kPause, std::memory_order_relaxed);
    } else if (pause) {
        pause_.store(0, std::memory_order_relaxed);
    }
    return measure == Measure::quantile ? found.quantile : found.shortfall;
}

double Book::after(Measure measure, std::int64_t account, std::int64_t instrument, double quantity) const {
    const std::size_t a = checked_account(account), i = checked_instrument(instrument);
    check_order(i, quantity);
    if (measure != Measure::worst && !tail_.k) throw std::invalid_argument("level: none was given for this book");
    return unchecked(measure, a, i, quantity);
}

void Book::after_each(Measure measure, const Orders& orders, std::size_t threads, double* out) const {
    for_shards(orders.count, threads, [&](std::size_t begin, std::size_t end) {
        for (std::size_t j = begin; j < end; ++j) {
            out[j] = after(measure, orders.account[j], orders.instrument[j], orders.quantity[j]);
        }
    });
}

void Book::apply(std::int64_t account, std::int64_t instrument, double quantity) {
    const std::size_t a = checked_account(account), i = checked_instrument(instrument);
    check_order(i, quantity);
    std::vector<Position>& held = held_[a];
    const auto same = std::find_if(held.begin(), held.end(), [i](const Position& one) { return one.row == i; });
    const bool known = same != held.end();
    if (!known && quantity == 0.0) return;
    const double before = known ? same->quantity : 0.0;
    const auto place = known ? same : held.insert(held.end(), {static_cast<std::uint32_t>(i), 0.0});
    place->quantity = before + quantity;
    try {
        check_gross(a, held, largest_.data());
    } catch (...) {
        place->quantity = before;
        if (!known) held.erase(place);
        throw;
    }
    if (place->quantity == 0.0) held.erase(place);
    loop_.add(losses_of(a), row(i), -quantity, vectors_, losses_of(a));
    find_peaks(a);
}

void Book::reprice(const std::int64_t* instrument, const double* pnl, std::size_t count, std::size_t threads) {
    constexpr std::uint32_t kUntouched = std::numeric_limits<std::uint32_t>::max();
    std::vector<std::uint32_t> slot(instruments_, kUntouched);
    std::vector<double> largest = largest_;
    Aligned<double> given(count * stride_), change(count * stride_), packed(bounds_ ? stride_ : 0);
    std::vector<std::size_t> which(count);  // checked once: the caller's array may be written to meanwhile
    for (std::size_t r = 0; r < count; ++r) {
        const std::size_t i = which[r] = checked_instrument(instrument[r]);
        if (slot[i] != kUntouched) throw std::invalid_argument("instrument: got " + std::to_string(i) + " twice");
        slot[i] = static_cast<std::uint32_t>(r);
        double* own = given.data() + r * stride_;
        const Range range = loop_.pack(pnl + r * scenarios_, scenarios_, bounds_ ? packed.data() : own, false);
        if (bounds_) ordered(packed.data(), own);
        largest[i] = range.largest + range.odd;
        if (!(largest[i] <= limit_)) throw std::invalid_argument("pnl: a number is not finite or too large");
        loop_.add(own, row(i), -1.0, vectors_, change.data() + r * stride_);
    }
    auto touched = [&](const std::vector<Position>& held) {
        return std::any_of(held.begin(), held.end(), [&](const Position& one) { return slot[one.row] != kUntouched; });
    };
    for_shards(accounts(), threads, [&](std::size_t begin, std::size_t end) {
        for (std::size_t a = begin; a < end; ++a) {
            if (touched(held_[a])) check_gross(a, held_[a], largest.data());
        }
    });
    // nothing throws from here on
    for_shards(accounts(), threads, [&](std::size_t begin, std::size_t end) {
        for (std::size_t a = begin; a < end; ++a) {
            bool changed = false;
            for (const Position& one : held_[a]) {
                if (slot[one.row] == kUntouched) continue;
                const double* by = change.data() + slot[one.row] * stride_;
                loop_.add(losses_of(a), by, -one.quantity, vectors_, losses_of(a));
                changed = true;
            }
            if (changed) find_peaks(a);
        }
    });
    for (std::size_t r = 0; r < count; ++r) {
        std::copy(given.data() + r * stride_, given.data() + (r + 1) * stride_,
                  rows_.data() + which[r] * stride_);
        if (bounds_) find_edges(which[r]);
    }
    largest_ = std::move(largest);
}

void Book::rebuild(std::size_t threads) {
    for_shards(accounts(), threads, [&](std::size_t begin, std::size_t end) {
        for (std::size_t a = begin; a < end; ++a) {
            double* losses = losses_of(a);
            std::fill(losses, losses + scenarios_, 0.0);
            std::fill(losses + scenarios_, losses + stride_, -std::numeric_limits<double>::infinity());
            for (const Position& one : held_[a]) loop_.add(losses, row(one.row), -one.quantity, vectors_, losses);
            find_peaks(a);
        }
    });
}

}  // namespace plimsoll
