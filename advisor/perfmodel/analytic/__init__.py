"""The physical model: work of a network, data sheet of a machine, time of a pass."""
