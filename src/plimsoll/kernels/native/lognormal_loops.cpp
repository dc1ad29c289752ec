#include "lognormal_loops.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "instruction_set.hpp"
#include "lognormal.hpp"
#include "vector.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi"  // vectors never cross the border of this file
// the compiler's own intrinsics start from a vector that they call undefined
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#define PLIMSOLL_MODES(f, ...)                                                              \
    {{f<false, kPlain __VA_ARGS__>, f<true, kPlain __VA_ARGS__>},                           \
     {f<false, kBounded __VA_ARGS__>, f<true, kBounded __VA_ARGS__>},                       \
     {f<false, kShifted __VA_ARGS__>, f<true, kShifted __VA_ARGS__>}}
#define PLIMSOLL_COMMA ,
#define PLIMSOLL_LOGNORMAL_TABLE                                                            \
    constexpr LognormalLoops kLognormalLoops = {                                            \
        PLIMSOLL_MODES(values, PLIMSOLL_COMMA false), PLIMSOLL_MODES(values, PLIMSOLL_COMMA true), \
        {values<false, kPlain, false, true>, values<true, kPlain, false, true>},            \
        PLIMSOLL_MODES(greeks), elements, inverses, logarithms};

namespace plimsoll {

#if defined(PLIMSOLL_VARIANTS)

#if defined(PLIMSOLL_V4)
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4")
#define PLIMSOLL_LANES 8
namespace v4 {
#include "mills_body.hpp"
#include "lognormal_body.hpp"
PLIMSOLL_LOGNORMAL_TABLE
}  // namespace v4
#undef PLIMSOLL_LANES
#pragma GCC pop_options
#endif

#pragma GCC push_options
#pragma GCC target("arch=x86-64-v3")
#define PLIMSOLL_LANES 4
namespace v3 {
#include "mills_body.hpp"
#include "lognormal_body.hpp"
PLIMSOLL_LOGNORMAL_TABLE
}  // namespace v3
#undef PLIMSOLL_LANES
#pragma GCC pop_options

#endif

// what the build's own flags ask for
#if defined(__AVX512F__)
#define PLIMSOLL_LANES 8
#elif defined(__AVX2__) && defined(__FMA__)
#define PLIMSOLL_LANES 4
#else
#define PLIMSOLL_LANES 2
#endif
namespace plain {
#include "mills_body.hpp"
#include "lognormal_body.hpp"
PLIMSOLL_LOGNORMAL_TABLE
}  // namespace plain

namespace {

const LognormalLoops& best() {
    switch (chosen_set()) {
#if defined(PLIMSOLL_V4)
        case InstructionSet::kV4: return v4::kLognormalLoops;
#endif
#if defined(PLIMSOLL_VARIANTS)
        case InstructionSet::kV3: return v3::kLognormalLoops;
#endif
        default: return plain::kLognormalLoops;
    }
}

}  // namespace

const LognormalLoops& lognormal_loops() {
    static const LognormalLoops& chosen = best();
    return chosen;
}

}  // namespace plimsoll
