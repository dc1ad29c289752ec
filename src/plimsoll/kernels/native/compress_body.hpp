// Where the processor can compress a vector: the lanes that are >= least, stored one after the other; how many.
// Into a register first: compressing straight into memory is slow on some processors.
#if defined(__AVX512F__)
PLIMSOLL_INLINE std::size_t compressed(const Vector<double>& x, double least, double* out) {
    const __mmask8 lanes = _mm512_cmp_pd_mask(x, _mm512_set1_pd(least), _CMP_GE_OQ);
    _mm512_storeu_pd(out, _mm512_maskz_compress_pd(lanes, x));
    return static_cast<std::size_t>(__builtin_popcount(lanes));
}
PLIMSOLL_INLINE std::size_t compressed(const Vector<float>& x, float least, float* out) {
    const __mmask16 lanes = _mm512_cmp_ps_mask(x, _mm512_set1_ps(least), _CMP_GE_OQ);
    _mm512_storeu_ps(out, _mm512_maskz_compress_ps(lanes, x));
    return static_cast<std::size_t>(__builtin_popcount(lanes));
}
#endif
