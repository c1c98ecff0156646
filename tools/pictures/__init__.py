"""The pictures of the documentation, made from the running product: ``make pictures``."""
