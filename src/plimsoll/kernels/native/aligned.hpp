// Memory that starts on a cache line, not initialised.
#pragma once

#include <cstddef>
#include <new>
#include <utility>

namespace plimsoll {

constexpr std::size_t kLine = 64;

template <typename Scalar>
class Aligned {
  public:
    Aligned() = default;
    explicit Aligned(std::size_t size)
        : data_(static_cast<Scalar*>(::operator new(size * sizeof(Scalar) + kLine, std::align_val_t(kLine)))),
          size_(size) {}
    Aligned(Aligned&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    Aligned& operator=(Aligned&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~Aligned() {
        if (data_) ::operator delete(data_, std::align_val_t(kLine));
    }

    // The content is lost when it grows.
    void at_least(std::size_t size) {
        if (size > size_) *this = Aligned(size);
    }

    Scalar* data() { return data_; }
    const Scalar* data() const { return data_; }
    std::size_t size() const { return size_; }

  private:
    Scalar* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace plimsoll
