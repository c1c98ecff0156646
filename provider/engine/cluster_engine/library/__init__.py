"""The only package that uses the ParallelCluster library.

``calls`` runs the library's functions behind the gate, ``isolation`` gives each call a session of its own,
``errors`` maps exceptions to the codes of docs/reference/engine.md, and ``mark`` records a cluster's
owner in its S3 folder.
"""

from cluster_engine.library.calls import Answer, ask, invoke, stored_configuration, version
from cluster_engine.library.mark import Claimant, hold_mark

__all__ = ["Answer", "Claimant", "ask", "hold_mark", "invoke", "stored_configuration", "version"]
