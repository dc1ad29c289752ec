"""The gate against slower kernels: instructions counted, not seconds."""
