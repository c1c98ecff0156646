"""One module per port; each is the sole importer of its library."""
