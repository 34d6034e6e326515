"""When to shift traffic to a new model: decided here."""
