"""What a kit brings of its own: files that run on the box, before anything is installed there."""
