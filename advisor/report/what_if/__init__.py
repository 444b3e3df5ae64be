"""Scripts of the plan's page: what boxes do at other settings, and the controls that ask it."""
