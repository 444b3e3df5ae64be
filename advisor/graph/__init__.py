"""Model files as graphs: facts of the file, and the fused kernels that a runtime makes of it."""
