// How fast this core can be at the two things kernels are made of: fused multiply-adds and reading memory.
// Compiled on the machine it measures, for that machine.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace {

constexpr std::size_t kLanes = 8;
typedef double Vector __attribute__((vector_size(kLanes * sizeof(double))));

}  // namespace

extern "C" {

// `rounds` times 16 independent chains of fused multiply-adds; 2 * 16 * kLanes flop each round. The chains tend to a
// fixed point, so no value ever slows the arithmetic down.
double probe_fma(std::int64_t rounds) {
    Vector chain[16];
    for (int k = 0; k < 16; ++k) chain[k] = Vector{} + (1.0 + 0.01 * k);
    Vector a = Vector{} + 0.999999, b = Vector{} + 1e-6;
    asm volatile("" : "+m"(a), "+m"(b));
    for (std::int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
        for (int k = 0; k < 16; ++k) chain[k] = chain[k] * a + b;
    }
    Vector sum{};
    for (int k = 0; k < 16; ++k) sum += chain[k];
    double total = 0.0;
    for (std::size_t k = 0; k < kLanes; ++k) total += sum[k];
    return total;
}

std::int64_t probe_fma_flops() { return 2 * 16 * static_cast<std::int64_t>(kLanes); }

// A buffer of that many bytes, touched, on the boundary of a page; null when there is no room.
double* probe_buffer(std::int64_t bytes) {
    const std::size_t size = (static_cast<std::size_t>(bytes) + 4095) / 4096 * 4096;
    double* buffer = static_cast<double*>(std::aligned_alloc(4096, size));
    if (buffer) {
        for (std::size_t i = 0; i < size / sizeof(double); ++i) buffer[i] = 1.0;
    }
    return buffer;
}

// Reads the buffer `rounds` times with 8 independent sums; `bytes` is a multiple of 512.
double probe_read(const double* buffer, std::int64_t bytes, std::int64_t rounds) {
    const Vector* from = reinterpret_cast<const Vector*>(buffer);
    const std::size_t vectors = static_cast<std::size_t>(bytes) / sizeof(Vector);
    Vector sum[8] = {};
    for (std::int64_t r = 0; r < rounds; ++r) {
        for (std::size_t i = 0; i < vectors; i += 8) {
#pragma GCC unroll 8
            for (int k = 0; k < 8; ++k) sum[k] += from[i + k];
        }
        // the next round reads again: nothing may be kept from this one
        asm volatile("" : : "r"(buffer) : "memory");
    }
    Vector all{};
    for (int k = 0; k < 8; ++k) all += sum[k];
    double total = 0.0;
    for (std::size_t k = 0; k < kLanes; ++k) total += all[k];
    return total;
}
}
