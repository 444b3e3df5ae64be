"""A model file as operations, parameters and fused kernels; importing this package loads nothing heavy."""
