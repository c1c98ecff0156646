"""The adapters: one module per port, and each is the only importer of its library."""
