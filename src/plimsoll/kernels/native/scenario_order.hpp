// In which order a book keeps its scenarios. No result depends on it, only how many lines of memory a tail lies in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace plimsoll {

// The scenario that stands at each place: those that move the rows alike become neighbours, eight by eight. Rows are
// `stride` numbers apart, finite, with the largest magnitude of each in `largest`.
std::vector<std::uint32_t> scenario_order(const double* rows, std::size_t stride, std::size_t count,
                                          std::size_t scenarios, const double* largest);

}  // namespace plimsoll
