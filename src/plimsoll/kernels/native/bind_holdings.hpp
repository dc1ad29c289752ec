// The second check of compressed rows of positions, shared by the bindings that take them.
#pragma once

#include "accounts.hpp"
#include "arrays.hpp"

namespace plimsoll {

inline Holdings gathered(const In<std::int64_t, 1>& indptr, const In<std::int64_t, 1>& indices,
                  const In<double, 1>& quantity, const In<double, 2>& pnl) {
    const std::size_t size = indices.shape(0);
    expect_1d(quantity, size, "quantity");
    expect(pnl.shape(1) > 0, "pnl", "[N, S] with at least one scenario");
    expect(pnl.shape(0) < std::size_t{1} << 32, "pnl", "[N, S] with fewer than 2^32 rows");
    expect(indptr.shape(0) > 0, "indptr", "[A + 1]");
    const Holdings holdings{indptr.shape(0) - 1, pnl.shape(0),   pnl.shape(1), indptr.data(),
                            indices.data(),      quantity.data(), pnl.data()};
    bool rises = indptr.data()[0] == 0;
    for (std::size_t a = 0; a < holdings.accounts; ++a) {
        const std::int64_t held = holdings.indptr[a + 1] - holdings.indptr[a];
        rises &= held >= 0 && held < std::int64_t{1} << 31;
    }
    expect(rises && static_cast<std::size_t>(holdings.indptr[holdings.accounts]) == size, "indptr",
           "rising from 0 to the number of indices");
    return holdings;
}

}  // namespace plimsoll
