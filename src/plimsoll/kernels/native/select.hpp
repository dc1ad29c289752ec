// Quantile and expected shortfall of long vectors of losses with equal probabilities.
#pragma once

#include <cstddef>

#include "loops.hpp"

namespace plimsoll {

// Each of `rows` vectors of `size` losses, one after the other; k from 1 to size. False, with results of no meaning,
// where a loss is not finite.
bool vectors_tail(const double* losses, std::size_t rows, std::size_t size, const Tail& tail, std::size_t threads,
                  double* quantile, double* shortfall);

}  // namespace plimsoll
