"""Programs that developers run. Nothing here is deployed."""
