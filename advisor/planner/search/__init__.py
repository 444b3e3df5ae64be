"""Is a platform good enough, and how is it set up at the least cost."""
