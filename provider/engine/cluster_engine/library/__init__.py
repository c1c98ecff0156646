"""The only package that uses the ParallelCluster library.

``calls`` runs the library's functions behind the gate, ``isolation`` gives each call a session of its own,
``errors`` maps exceptions to the codes of docs/reference/engine.md, ``mark`` records a cluster's owner in its
S3 folder, ``head_node_logs`` reads why a head node did not start, and ``nodes`` counts what jobs started.
"""

from cluster_engine.library.calls import Answer, ask, ask_pages, invoke, stored_configuration, version
from cluster_engine.library.head_node_logs import read_head_node_logs
from cluster_engine.library.mark import Claimant, hold_mark
from cluster_engine.library.nodes import count_dynamic_nodes

__all__ = [
    "Answer",
    "Claimant",
    "ask",
    "ask_pages",
    "count_dynamic_nodes",
    "hold_mark",
    "invoke",
    "read_head_node_logs",
    "stored_configuration",
    "version",
]
