"""Pure decisions: no clock, randomness, logging, environment or network."""
