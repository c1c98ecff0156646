"""Creating, updating and deleting a stack: which resources change, in which order, under which status."""
