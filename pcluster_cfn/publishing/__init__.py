"""Publishing: what others nest or launch by URL, stored in buckets under versions that never change."""
