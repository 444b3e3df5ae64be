"""What the search found, as a person needs it: options, alternatives, what breaks first."""
