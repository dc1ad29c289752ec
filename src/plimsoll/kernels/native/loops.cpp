#include "loops.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "instruction_set.hpp"
#include "vector.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi"  // vectors never cross the border of this file
#endif

#define PLIMSOLL_TABLE                                                                                           \
    template <typename Scalar>                                                                                   \
    constexpr Loops<Scalar> kLoops = {range,        pack<Scalar>, compact<Scalar>, worst<Scalar>, summary<Scalar>,   \
                                      losses<Scalar>, tail<Scalar>, most<Scalar>,  add<Scalar>,   peaks<Scalar>,     \
                                      edges<Scalar>};                                                                \
    constexpr PeakedLoops kPeakedLoops = {peaked_most, peaked_tail};

namespace plimsoll {

#if defined(PLIMSOLL_VARIANTS)

#if defined(PLIMSOLL_V4)
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4")
#define PLIMSOLL_COMPRESS 1
namespace v4 {
#include "loops_body.hpp"
#include "select_body.hpp"
#include "peaks_body.hpp"
PLIMSOLL_TABLE
}  // namespace v4
#undef PLIMSOLL_COMPRESS
#pragma GCC pop_options
#endif

#pragma GCC push_options
#pragma GCC target("arch=x86-64-v3")
namespace v3 {
#include "loops_body.hpp"
#include "select_body.hpp"
#include "peaks_body.hpp"
PLIMSOLL_TABLE
}  // namespace v3
#pragma GCC pop_options

#endif

#if defined(__AVX512F__)  // asked for by the build's own flags
#define PLIMSOLL_COMPRESS 1
#endif
namespace plain {
#include "loops_body.hpp"
#include "select_body.hpp"
#include "peaks_body.hpp"
PLIMSOLL_TABLE
}  // namespace plain

namespace {

template <typename Scalar>
const Loops<Scalar>& best() {
    switch (chosen_set()) {
#if defined(PLIMSOLL_V4)
        case InstructionSet::kV4: return v4::kLoops<Scalar>;
#endif
#if defined(PLIMSOLL_VARIANTS)
        case InstructionSet::kV3: return v3::kLoops<Scalar>;
#endif
        default: return plain::kLoops<Scalar>;
    }
}

const PeakedLoops& best_peaked() {
    switch (chosen_set()) {
#if defined(PLIMSOLL_V4)
        case InstructionSet::kV4: return v4::kPeakedLoops;
#endif
#if defined(PLIMSOLL_VARIANTS)
        case InstructionSet::kV3: return v3::kPeakedLoops;
#endif
        default: return plain::kPeakedLoops;
    }
}

}  // namespace

const PeakedLoops& peaked_loops() {
    static const PeakedLoops& chosen = best_peaked();
    return chosen;
}

template <>
const Loops<double>& loops<double>() {
    static const Loops<double>& chosen = best<double>();
    return chosen;
}

template <>
const Loops<float>& loops<float>() {
    static const Loops<float>& chosen = best<float>();
    return chosen;
}

}  // namespace plimsoll
