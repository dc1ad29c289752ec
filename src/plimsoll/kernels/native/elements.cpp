#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "lognormal.hpp"
#include "mills.hpp"
#include "shards.hpp"

namespace plimsoll {
namespace {

// Elements done at a time; each chunk runs over whole vectors, the last one on copies of its last element.
constexpr std::size_t kChunk = 64;

struct Chunk {
    double forward[kChunk], strike[kChunk], total_vol[kChunk], distance[kChunk], root[kChunk], side[kChunk];
    double value[kChunk];
};

PLIMSOLL_CLONES void price_chunk(Chunk& chunk) {
    double* PLIMSOLL_RESTRICT value = chunk.value;
#pragma omp simd
    for (std::size_t i = 0; i < kChunk; ++i) {
        const double f = chunk.forward[i], k = chunk.strike[i], side = chunk.side[i];
        const double given = greatest(chunk.total_vol[i], kLeastVol);
        const double w = given >= kSaturation ? kSaturatedVol : given;
        const Terms x = terms<Sharp>(chunk.distance[i] * (1.0 / w), 0.5 * w, chunk.root[i]);
        const double out = time_value(x, least(f, k));
        const double inside = side * (f - k);
        const double bound = side > 0.0 ? f : k;
        value[i] = least(out + greatest(inside, 0.0), bound);
    }
}

double log_or_least(double x) { return x > 0.0 ? std::log(x) : kLogZero; }

}  // namespace

void lognormal_elements(std::size_t count, const double* forward, const double* strike, const double* total_vol,
                        const std::uint8_t* call, std::size_t threads, double* value) {
    const std::size_t chunks = (count + kChunk - 1) / kChunk;
    for_shards(chunks, threads, [&](std::size_t begin, std::size_t end) {
        Chunk chunk;
        for (std::size_t c = begin; c < end; ++c) {
            const std::size_t first = c * kChunk, filled = std::min(kChunk, count - first);
            for (std::size_t j = 0; j < kChunk; ++j) {
                const std::size_t i = first + std::min(j, filled - 1);
                chunk.forward[j] = forward[i];
                chunk.strike[j] = strike[i];
                chunk.total_vol[j] = total_vol[i];
                chunk.side[j] = call[i] ? 1.0 : -1.0;
                if (j >= filled) {
                    chunk.distance[j] = chunk.root[j] = 0.0;
                    continue;
                }
                chunk.distance[j] = std::fabs(log_or_least(forward[i]) - log_or_least(strike[i]));
                chunk.root[j] = std::sqrt(forward[i]) * std::sqrt(strike[i]);
            }
            price_chunk(chunk);
            std::copy(chunk.value, chunk.value + filled, value + first);
        }
    });
}

}  // namespace plimsoll
