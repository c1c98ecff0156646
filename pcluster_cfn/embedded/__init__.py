"""``demo`` and ``local``: the embedded cloud on this machine."""
