// Which variant of the loops runs. They are compiled once for each instruction set, into tables of functions; the best
// table that this processor has is chosen once, by the same rule for all.
#pragma once

#if defined(PLIMSOLL_DISPATCH) && !defined(__clang__)
#define PLIMSOLL_VARIANTS 1
#if !defined(PLIMSOLL_WITHOUT_V4)
#define PLIMSOLL_V4 1
#endif
#endif

namespace plimsoll {

enum class InstructionSet { kBaseline, kV3, kV4 };

// What this processor has of what was compiled.
inline InstructionSet chosen_set() {
#if defined(PLIMSOLL_VARIANTS)
    __builtin_cpu_init();
#if defined(PLIMSOLL_V4)
    if (__builtin_cpu_supports("x86-64-v4")) return InstructionSet::kV4;
#endif
    if (__builtin_cpu_supports("x86-64-v3")) return InstructionSet::kV3;
#endif
    return InstructionSet::kBaseline;
}

// "x86-64-v4", "x86-64-v3" or "baseline", what the build's own flags ask for.
inline const char* name_of(InstructionSet set) {
    switch (set) {
        case InstructionSet::kV4: return "x86-64-v4";
        case InstructionSet::kV3: return "x86-64-v3";
        default: return "baseline";
    }
}

}  // namespace plimsoll
