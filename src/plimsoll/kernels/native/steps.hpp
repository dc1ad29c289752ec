// What rows of whole counts are worth, and what a charge that rises in steps with the size of each takes of them.
// Meaning and checks are those of plimsoll/kernels/steps.py.
#pragma once

#include <cstddef>
#include <cstdint>

namespace plimsoll {

// Row a holds count[j] of column indices[j], j from indptr[a] up to indptr[a + 1]; arrays are row-major.
struct StepRows {
    std::size_t rows, columns, steps;
    const std::int64_t* indptr;  // checked, and written to by nobody meanwhile
    const std::int64_t* indices;
    const std::int64_t* count;
    const std::int64_t* base;   // [rows]
    const std::int64_t* price;  // [columns]
    const std::int64_t* size;   // [columns]
    const double* ends;         // [columns, steps]
    const double* rates;        // [columns, steps]
};

// Fills value[rows] and charge[rows]; false, with results of no meaning, where an index is out of range or a sum of
// magnitudes leaves what 62 bits hold.
bool step_rows(const StepRows& held, std::size_t threads, std::int64_t* value, double* charge);

}  // namespace plimsoll
