"""Templates: their text, parameters, functions and transforms, up to the order of their resources."""
