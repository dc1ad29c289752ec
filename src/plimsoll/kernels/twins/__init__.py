"""Numpy twins of the compiled kernels: what the tests hold them equal to, and what runs where they were not built."""
