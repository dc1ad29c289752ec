// Memory that starts on a cache line, not initialised.
#pragma once

#include <cstddef>
#include <limits>
#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace plimsoll {

constexpr std::size_t kLine = 64;
constexpr std::size_t kPage = 2 * 1024 * 1024;

template <typename Scalar>
class Aligned {
  public:
    Aligned() = default;
    // `whole` where all of it will be used: large pages then come with fewer interrupts when they are first touched.
    explicit Aligned(std::size_t size, bool whole = false)
        : size_(size), alignment_(whole && size * sizeof(Scalar) >= kPage ? kPage : kLine) {
        if (size > (std::numeric_limits<std::size_t>::max() - 2 * kPage) / sizeof(Scalar)) {
            throw std::bad_array_new_length();
        }
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

}  // namespace plimsoll
