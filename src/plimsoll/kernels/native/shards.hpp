// Contiguous shards of a range over threads. The split decides who computes an element, never its value.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <thread>
#include <vector>

namespace plimsoll {

// work(begin, end) for shards of [0, count), one for each thread; the first shard runs on the calling thread.
template <typename Work>
void for_shards(std::size_t count, std::size_t threads, Work&& work) {
    const std::size_t shards = std::max<std::size_t>(1, std::min(threads, count));
    if (shards == 1) {
        work(std::size_t{0}, count);
        return;
    }
    std::vector<std::exception_ptr> failures(shards);
    auto guarded = [&](std::size_t shard) {
        try {
            work(count * shard / shards, count * (shard + 1) / shards);
        } catch (...) {
            failures[shard] = std::current_exception();
        }
    };
    std::vector<std::thread> crew;
    crew.reserve(shards - 1);
    for (std::size_t shard = 1; shard < shards; ++shard) {
        try {
            crew.emplace_back(guarded, shard);
        } catch (...) {
            guarded(shard);  // the system gives no more threads: the caller does the work itself
        }
    }
    guarded(0);
    for (auto& one : crew) one.join();
    for (auto& failure : failures) {
        if (failure) std::rethrow_exception(failure);
    }
}

// The same for many small shards of at most `size`: whoever is free takes the next one, so that threads end together
// though shards differ and cores are shared with others.
template <typename Work>
void for_pieces(std::size_t count, std::size_t size, std::size_t threads, Work&& work) {
    if (threads <= 1) {
        work(std::size_t{0}, count);
        return;
    }
    const std::size_t pieces = (count + size - 1) / size;
    std::atomic<std::size_t> next{0};
    for_shards(std::min(threads, pieces), threads, [&](std::size_t, std::size_t) {
        for (std::size_t piece = next++; piece < pieces; piece = next++) {
            work(piece * size, std::min(count, (piece + 1) * size));
        }
    });
}

}  // namespace plimsoll
