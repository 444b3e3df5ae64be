"""Machines that are not at hand: residuals learned from published figures, and how far they are to be trusted."""
