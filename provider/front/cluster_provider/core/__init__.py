"""The pure part of the provider: no clock, randomness, logging, environment or network."""
