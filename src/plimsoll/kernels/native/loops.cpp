#include "loops.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "vector.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi"  // vectors never cross the border of this file
#endif

#define PLIMSOLL_TABLE                                                                                           \
    template <typename Scalar>                                                                                   \
    constexpr Loops<Scalar> kLoops = {range,           pack<Scalar>,   compact<Scalar>, worst<Scalar>, \
                                      summary<Scalar>, losses<Scalar>, tail<Scalar>,    most<Scalar>,  add<Scalar>};

namespace plimsoll {

#if defined(PLIMSOLL_DISPATCH) && !defined(__clang__)
#define PLIMSOLL_VARIANTS 1

#if !defined(PLIMSOLL_WITHOUT_V4)
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4")
#define PLIMSOLL_COMPRESS 1
namespace v4 {
#include "loops_body.hpp"
#include "select_body.hpp"
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
PLIMSOLL_TABLE
}  // namespace plain

namespace {

enum Level { kBaseline, kV3, kV4 };

// What this processor has of what was compiled: the loader chooses among the clones of other files by the same rule.
Level level() {
#if defined(PLIMSOLL_VARIANTS)
    __builtin_cpu_init();
#if !defined(PLIMSOLL_WITHOUT_V4)
    if (__builtin_cpu_supports("x86-64-v4")) return kV4;
#endif
    if (__builtin_cpu_supports("x86-64-v3")) return kV3;
#endif
    return kBaseline;
}

template <typename Scalar>
const Loops<Scalar>& best() {
    switch (level()) {
#if defined(PLIMSOLL_VARIANTS)
#if !defined(PLIMSOLL_WITHOUT_V4)
        case kV4: return v4::kLoops<Scalar>;
#endif
        case kV3: return v3::kLoops<Scalar>;
#endif
        default: return plain::kLoops<Scalar>;
    }
}

}  // namespace

const char* instruction_set() {
    switch (level()) {
        case kV4: return "x86-64-v4";
        case kV3: return "x86-64-v3";
        default: return "baseline";
    }
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
