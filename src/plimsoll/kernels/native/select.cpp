#include "select.hpp"

#include <atomic>
#include <cmath>

#include "shards.hpp"

namespace plimsoll {
namespace {
constexpr std::size_t kKept = 512 * 1024;
}  // namespace

bool vectors_tail(const double* losses, std::size_t rows, std::size_t size, const Tail& tail, std::size_t threads,
                  double* quantile, double* shortfall) {
    if (!rows) return true;  // of any size
    const Loops<double>& loop = loops<double>();
    std::atomic<bool> good{true};
    for_shards(rows, threads, [&](std::size_t begin, std::size_t end) {
        // a room of moderate size is kept for the next call
        thread_local Aligned<double> kept;
        Aligned<double> large;
        const std::size_t room = selection_room<double>(size);
        Aligned<double>& scratch = room <= kKept ? kept : large;
        scratch.at_least(room);
        for (std::size_t r = begin; r < end && good; ++r) {
            const double* own = losses + r * size;
            const bool checked = size < kLong * kLanes<double>;
            if (checked) {
                const Range range = loop.range(own, size);
                good = good && std::isfinite(range.largest + range.odd);
                if (!good) return;
            }
            const Measured<double> found = loop.tail(own, size, tail, scratch.data());
            if (std::isnan(found.quantile)) good = false;
            quantile[r] = found.quantile;
            shortfall[r] = found.shortfall;
        }
    });
    return good;
}

}  // namespace plimsoll
