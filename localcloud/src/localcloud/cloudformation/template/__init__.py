"""Templates: text, parameters, functions and transforms."""
