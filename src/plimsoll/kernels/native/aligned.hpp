// Memory that starts on a cache line, not initialised.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace plimsoll {

constexpr std::size_t kLine = 64;
constexpr std::size_t kPage = 2 * 1024 * 1024;

template <typename Scalar>
class Aligned {
  public:
    static constexpr std::size_t kMost = (std::numeric_limits<std::size_t>::max() - 2 * kPage) / sizeof(Scalar);

    Aligned() = default;
    // `whole` where all of it will be used: large pages then come with fewer interrupts when they are first touched.
    explicit Aligned(std::size_t size, bool whole = false)
        : size_(size), alignment_(whole && size * sizeof(Scalar) >= kPage ? kPage : kLine) {
        if (size > kMost) throw std::bad_array_new_length();
        std::size_t bytes = size * sizeof(Scalar) + kLine;
        if (alignment_ == kPage) bytes = (bytes + kPage - 1) / kPage * kPage;
        data_ = static_cast<Scalar*>(::operator new(bytes, std::align_val_t(alignment_)));
#if defined(__linux__) && defined(MADV_HUGEPAGE)
        if (alignment_ == kPage) madvise(data_, bytes, MADV_HUGEPAGE);
#endif
    }
    Aligned(Aligned&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)),
          size_(std::exchange(other.size_, 0)),
          alignment_(std::exchange(other.alignment_, kLine)) {}
    Aligned& operator=(Aligned&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(alignment_, other.alignment_);
        return *this;
    }
    ~Aligned() {
        if (data_) ::operator delete(data_, std::align_val_t(alignment_));
    }

    // The content is lost when it grows.
    void at_least(std::size_t size, bool whole = false) {
        if (size > size_) *this = Aligned(size, whole);
    }

    Scalar* data() { return data_; }
    const Scalar* data() const { return data_; }
    std::size_t size() const { return size_; }

  private:
    Scalar* data_ = nullptr;
    std::size_t size_ = 0, alignment_ = kLine;
};

// Large rooms of calls that ended wait here for the next call: memory fresh from the system has to be cleared first, which
// takes as long as a quarter of the work on it. At most kMostKept bytes wait.
class Shelf {
  public:
    static constexpr std::size_t kMostKept = 64 * 1024 * 1024, kLeastKept = 256 * 1024;

    static Aligned<unsigned char> take(std::size_t bytes) {
        if (bytes < kLeastKept) return Aligned<unsigned char>(bytes);
        {
            const std::lock_guard<std::mutex> lock(mutex());
            auto& all = rooms();
            auto best = all.end();
            for (auto one = all.begin(); one != all.end(); ++one) {
                if (one->size() >= bytes && (best == all.end() || one->size() < best->size())) best = one;
            }
            if (best != all.end()) {
                Aligned<unsigned char> found = std::move(*best);
                all.erase(best);
                return found;
            }
        }
        return Aligned<unsigned char>(bytes, true);
    }

    static void give(Aligned<unsigned char>&& room) {
        if (room.size() < kLeastKept || room.size() > kMostKept) return;
        const std::lock_guard<std::mutex> lock(mutex());
        auto& all = rooms();
        try {
            all.push_back(std::move(room));
        } catch (...) {
            return;  // then it is not kept
        }
        std::size_t kept = 0;
        for (const auto& one : all) kept += one.size();
        // the oldest go first
        while (kept > kMostKept) {
            kept -= all.front().size();
            all.erase(all.begin());
        }
    }

  private:
    static std::mutex& mutex() {
        static std::mutex* one = new std::mutex;  // never destroyed: a thread may outlive the end of main
        return *one;
    }
    static std::vector<Aligned<unsigned char>>& rooms() {
        static auto* all = new std::vector<Aligned<unsigned char>>;
        return *all;
    }
};

// A room from the shelf and back to it.
template <typename Scalar>
class Borrowed {
  public:
    Borrowed() = default;
    explicit Borrowed(std::size_t size) : room_(Shelf::take(bytes(size))) {}
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;
    ~Borrowed() {
        if (room_.data()) Shelf::give(std::move(room_));
    }

    // The content is lost when it grows.
    void at_least(std::size_t size) {
        if (bytes(size) <= room_.size()) return;
        if (room_.data()) Shelf::give(std::move(room_));
        room_ = Shelf::take(bytes(size));
    }

    Scalar* data() { return reinterpret_cast<Scalar*>(room_.data()); }

  private:
    static std::size_t bytes(std::size_t size) {
        if (size > Aligned<Scalar>::kMost) throw std::bad_array_new_length();
        return size * sizeof(Scalar);
    }

    Aligned<unsigned char> room_;
};

}  // namespace plimsoll
