"""How an owner's state changes: pure functions, each from one state to the next."""
