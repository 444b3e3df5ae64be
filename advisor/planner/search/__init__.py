"""Which configuration of a platform carries a load case, and which platform does so at the least cost."""
