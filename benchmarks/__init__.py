"""Measurements of sizer itself: speed beside other tools, and how far its predictions are off."""
