"""The store in the browser: plans, verdicts, offers and measurements; read-only unless a token is set."""
