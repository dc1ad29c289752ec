// The second check of compressed rows of positions, shared by the bindings that take them.
#pragma once

#include <utility>
#include <vector>

#include "accounts.hpp"
#include "arrays.hpp"

namespace plimsoll {

// The starts of the rows are a copy: they were checked, and another thread may write to the array they came from. The
// indices are copied and checked by the kernels on their way; quantities and prices are only numbers.
struct CheckedHoldings {
    std::vector<std::int64_t> starts;
    Holdings holdings;
};

inline CheckedHoldings gathered(const In<std::int64_t, 1>& indptr, const In<std::int64_t, 1>& indices,
                                const In<double, 1>& quantity, const In<double, 2>& pnl) {
    const std::size_t size = indices.shape(0);
    expect_aligned(indptr, "indptr");
    expect_aligned(indices, "indices");
    expect_aligned(pnl, "pnl");
    expect_1d(quantity, size, "quantity");
    // the float loops number scenarios by 32 bits
    expect(pnl.shape(1) > 0 && pnl.shape(1) < std::size_t{1} << 31, "pnl", "[N, S] with 1 to 2^31 - 1 scenarios");
    expect(pnl.shape(0) < std::size_t{1} << 32, "pnl", "[N, S] with fewer than 2^32 rows");
    expect(indptr.shape(0) > 0, "indptr", "[A + 1]");
    std::vector<std::int64_t> starts(indptr.data(), indptr.data() + indptr.shape(0));
    bool rises = starts.front() == 0;
    for (std::size_t a = 0; a + 1 < starts.size(); ++a) {
        // unsigned, so that any two numbers can be subtracted; a start that falls gives a huge difference
        const std::uint64_t held = static_cast<std::uint64_t>(starts[a + 1]) - static_cast<std::uint64_t>(starts[a]);
        rises &= held < std::uint64_t{1} << 31;
    }
    expect(rises && static_cast<std::size_t>(starts.back()) == size, "indptr",
           "rising from 0 to the number of indices");
    const Holdings holdings{starts.size() - 1, pnl.shape(0),    pnl.shape(1), starts.data(),
                            indices.data(),    quantity.data(), pnl.data()};
    return {std::move(starts), holdings};
}

}  // namespace plimsoll
