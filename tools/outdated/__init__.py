"""Lists what is deployed, how old it is, and whether there is something newer."""
