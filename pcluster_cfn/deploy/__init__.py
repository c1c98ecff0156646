"""``deploy`` and ``delete``: run stack operations and show their progress."""
