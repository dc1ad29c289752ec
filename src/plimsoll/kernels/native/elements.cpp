#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "lognormal.hpp"
#include "lognormal_loops.hpp"
#include "shards.hpp"

namespace plimsoll {

// Each chunk runs over whole vectors, the last one on copies of its last element.
void lognormal_elements(std::size_t count, const double* forward, const double* strike, const double* total_vol,
                        const std::uint8_t* call, std::size_t threads, double* value) {
    const std::size_t chunks = (count + kElements - 1) / kElements;
    const LognormalLoops& loop = lognormal_loops();
    for_shards(chunks, threads, [&](std::size_t begin, std::size_t end) {
        double side[kElements], room[4][kElements];
        for (std::size_t c = begin; c < end; ++c) {
            const std::size_t first = c * kElements, filled = std::min(kElements, count - first);
            for (std::size_t j = 0; j < kElements; ++j) side[j] = call[first + std::min(j, filled - 1)] ? 1.0 : -1.0;
            if (filled == kElements) {
                loop.elements(forward + first, strike + first, total_vol + first, side, value + first);
                continue;
            }
            const double* const given[3] = {forward, strike, total_vol};
            for (std::size_t k = 0; k < 3; ++k) {
                std::copy(given[k] + first, given[k] + count, room[k]);
                std::fill(room[k] + filled, room[k] + kElements, given[k][count - 1]);
            }
            loop.elements(room[0], room[1], room[2], side, room[3]);
            std::copy(room[3], room[3] + filled, value + first);
        }
    });
}

}  // namespace plimsoll
