"""Creating, updating and deleting a stack: what happens to its resources, in which order, under which status."""
