"""The ParallelCluster library: the one package that knows it.

``calls`` runs its functions behind the gate, ``isolation`` gives each call a session of its own, ``refusals``
maps what the library raises to the codes of docs/engine.md.
"""

from cluster_engine.library.calls import Answer, ask, invoke, stored_configuration, version

__all__ = ["Answer", "ask", "invoke", "stored_configuration", "version"]
