// Measures of many accounts with sparse positions over the same scenarios; the accounts x scenarios array is never
// stored. Meaning and checks are those of plimsoll/kernels/accounts.py.
#pragma once

#include <cstddef>
#include <cstdint>

#include "loops.hpp"

namespace plimsoll {

// Account a holds quantity[j] of instrument indices[j], j from indptr[a] up to indptr[a + 1], all row-major arrays.
struct Holdings {
    std::size_t accounts, instruments, scenarios;
    const std::int64_t* indptr;  // checked, and written to by nobody meanwhile
    const std::int64_t* indices;
    const double* quantity;
    const double* pnl;  // [instruments, scenarios]
};

// Both return false, with results of no meaning, where an index is out of range, a number has no place in a Scalar, or
// for some account the sum of |quantity| times the largest |pnl| of its row is not at most `limit` (a NaN is not).
// Otherwise no sum overflows.

// largest weighted loss of each account and the first scenario that has it; weights [scenarios], null for ones
template <typename Scalar>
bool accounts_worst(const Holdings& holdings, const double* weights, double limit, std::size_t threads, Scalar* loss,
                    std::int64_t* scenario);

// quantile and shortfall of each account's losses
template <typename Scalar>
bool accounts_tail(const Holdings& holdings, const Tail& tail, double limit, std::size_t threads, Scalar* quantile,
                   Scalar* shortfall);

}  // namespace plimsoll
