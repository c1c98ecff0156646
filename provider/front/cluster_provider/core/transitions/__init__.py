"""Transitions of an owner's state: pure functions, each from one state to the next."""
