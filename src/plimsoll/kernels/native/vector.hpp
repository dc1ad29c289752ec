// How one loop body becomes vector code for several instruction sets.
#pragma once

// One clone per instruction set, chosen by the loader when the library is opened. Everything a clone calls must be
// PLIMSOLL_INLINE, or it would be compiled for the oldest set.
#if defined(PLIMSOLL_DISPATCH) && defined(PLIMSOLL_WITHOUT_V4)
#define PLIMSOLL_CLONES __attribute__((target_clones("arch=x86-64-v3", "default")))
#elif defined(PLIMSOLL_DISPATCH)
#define PLIMSOLL_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define PLIMSOLL_CLONES
#endif

#if defined(__GNUC__) || defined(__clang__)
#define PLIMSOLL_INLINE inline __attribute__((always_inline))
#define PLIMSOLL_RESTRICT __restrict__
#else
#define PLIMSOLL_INLINE inline
#define PLIMSOLL_RESTRICT
#endif
