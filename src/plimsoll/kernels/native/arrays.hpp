// What the bindings of all kernels share: array types and the second check of shapes. Values were checked in Python.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <cstdint>
#include <optional>
#include <string>

namespace nb = nanobind;

namespace plimsoll {

template <typename Scalar, std::size_t Axes>
using In = nb::ndarray<const Scalar, nb::ndim<Axes>, nb::c_contig, nb::device::cpu>;
template <typename Scalar, std::size_t Axes>
using Out = nb::ndarray<Scalar, nb::ndim<Axes>, nb::c_contig, nb::device::cpu>;
template <typename Scalar, std::size_t Axes>
using Maybe = std::optional<In<Scalar, Axes>>;

inline void expect(bool holds, const char* name, const std::string& wanted) {
    if (!holds) throw nb::value_error((std::string(name) + ": shape does not match, must be " + wanted).c_str());
}

// A view of bytes may start anywhere; a load of a number that does not start at a multiple of its size is undefined.
template <typename Array>
void expect_aligned(const Array& array, const char* name) {
    if (reinterpret_cast<std::uintptr_t>(array.data()) % sizeof(typename Array::Scalar)) {
        throw nb::value_error((std::string(name) + ": must start at a multiple of the size of its numbers").c_str());
    }
}

template <typename Array>
void expect_1d(const Array& array, std::size_t size, const char* name) {
    expect_aligned(array, name);
    expect(array.shape(0) == size, name, "[" + std::to_string(size) + "]");
}

template <typename Array>
void expect_2d(const Array& array, std::size_t rows, std::size_t columns, const char* name) {
    expect_aligned(array, name);
    expect(array.shape(0) == rows && array.shape(1) == columns, name,
           "[" + std::to_string(rows) + ", " + std::to_string(columns) + "]");
}

template <typename Array>
auto data_or_null(const std::optional<Array>& array) -> decltype(array->data()) {
    return array ? array->data() : nullptr;
}

}  // namespace plimsoll
