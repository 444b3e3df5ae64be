"""Measurements of sizer itself: speed compared with other tools, and how far its predictions are off."""
