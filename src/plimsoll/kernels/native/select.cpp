#include "select.hpp"

#include <algorithm>
#include <limits>

#include "shards.hpp"

namespace plimsoll {

void vectors_tail(const double* losses, std::size_t rows, std::size_t size, const Tail& tail, std::size_t threads,
                  double* quantile, double* shortfall) {
    const Loops<double>& loop = loops<double>();
    const std::size_t padded = vectors_of<double>(size) * kLanes<double>;
    for_shards(rows, threads, [&](std::size_t begin, std::size_t end) {
        // the selection reads whole aligned vectors; a copy costs little beside it
        Aligned<double> room(padded), scratch(selection_room<double>(size));
        std::fill(room.data() + size, room.data() + padded, -std::numeric_limits<double>::infinity());
        for (std::size_t r = begin; r < end; ++r) {
            std::copy(losses + r * size, losses + (r + 1) * size, room.data());
            const Measured<double> found = loop.tail(room.data(), size, tail, scratch.data());
            quantile[r] = found.quantile;
            shortfall[r] = found.shortfall;
        }
    });
}

}  // namespace plimsoll
