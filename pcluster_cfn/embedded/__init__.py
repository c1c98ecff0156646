"""The embedded cloud on this machine: ``demo`` and ``local``."""
