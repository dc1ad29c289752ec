// Words for the compiler.
#pragma once

#if defined(__GNUC__) || defined(__clang__)
#define PLIMSOLL_INLINE inline __attribute__((always_inline))
#define PLIMSOLL_RESTRICT __restrict__
#else
#define PLIMSOLL_INLINE inline
#define PLIMSOLL_RESTRICT
#endif
