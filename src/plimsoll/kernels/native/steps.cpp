// Compiled without contraction of products and sums (CMakeLists.txt): the charge has the same bits as the numpy twin's.
#include "steps.hpp"

#include <atomic>
#include <cmath>

#include "shards.hpp"

namespace plimsoll {
namespace {

constexpr double kMost = 4611686018427387904.0;  // 2^62

bool one_row(const StepRows& h, std::size_t a, std::int64_t& value, double& charge) {
    // the starts were checked; the arrays of positions may be written to meanwhile, so each number is read once
    double gross = std::fabs(static_cast<double>(h.base[a]));
    std::int64_t worth = h.base[a];
    if (!(gross <= kMost)) return false;
    double total = 0.0;
    for (std::int64_t j = h.indptr[a]; j < h.indptr[a + 1]; ++j) {
        const std::uint64_t i = static_cast<std::uint64_t>(h.indices[j]);
        const std::int64_t n = h.count[j];
        if (i >= h.columns) return false;
        if (n == 0) continue;  // closed
        const std::int64_t price = h.price[i], size = h.size[i];
        const double held = std::fabs(static_cast<double>(n));
        gross += held * std::fabs(static_cast<double>(price));
        if (!(gross <= kMost) || !(held * std::fabs(static_cast<double>(size)) <= kMost)) return false;
        worth += n * price;
        const std::int64_t whole = n * size;
        const double notional = std::fabs(static_cast<double>(whole));
        const double* ends = h.ends + i * h.steps;
        const double* rates = h.rates + i * h.steps;
        double part = 0.0, start = 0.0;
        for (std::size_t k = 0; k < h.steps && notional > start; ++k) {
            const double end = ends[k];
            part += ((notional < end ? notional : end) - start) * rates[k];
            start = end;
        }
        total += part;
    }
    value = worth;
    charge = total;
    return true;
}

}  // namespace

bool step_rows(const StepRows& held, std::size_t threads, std::int64_t* value, double* charge) {
    std::atomic<bool> good{true};
    for_pieces(held.rows, 4096, threads, [&](std::size_t begin, std::size_t end) {
        for (std::size_t a = begin; a < end && good.load(std::memory_order_relaxed); ++a) {
            if (!one_row(held, a, value[a], charge[a])) good = false;
        }
    });
    return good;
}

}  // namespace plimsoll
