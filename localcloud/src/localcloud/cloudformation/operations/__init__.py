"""Creation, update, rollback and deletion of stacks."""
