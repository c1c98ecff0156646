"""The ParallelCluster library: the one package that knows it.

``calls`` runs its functions behind the gate, ``isolation`` gives each call a session of its own, ``refusals``
maps what the library raises to the codes of docs/engine.md, ``mark`` says whose a cluster is, in the folder
where the library keeps what belongs to it.
"""

from cluster_engine.library.calls import Answer, ask, invoke, stored_configuration, version
from cluster_engine.library.mark import Claimant, hold_mark

__all__ = ["Answer", "Claimant", "ask", "hold_mark", "invoke", "stored_configuration", "version"]
