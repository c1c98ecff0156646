"""Templates: their text, parameters, functions and transforms, up to the order in which resources can be made."""
