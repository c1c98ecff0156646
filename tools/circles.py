"""Finds modules that import each other in a circle, and fails if there are any.

``python -m tools.circles`` looks at all packages of the repository. Imports that only type checkers see count
as well: whoever reads one module of a circle has to read them all.
"""

import sys
from collections.abc import Iterable

import grimp
import networkx

PACKAGES = (
    "cfn_template",
    "cluster_engine",
    "cluster_hook",
    "cluster_provider",
    "cluster_schema",
    "localcloud",
    "pcluster_cfn",
    "tools",
)


def circles(imports: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Returns the modules of each circle, sorted.

    Args:
        imports: Pairs of a module and one that it imports.
    """
    graph: networkx.DiGraph = networkx.DiGraph(imports)
    together = [sorted(modules) for modules in networkx.strongly_connected_components(graph)]
    return sorted(modules for modules in together if len(modules) > 1)


def main() -> int:
    """Prints what was looked at and every circle; returns the exit code."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    imports = [(m, other) for m in graph.modules for other in graph.find_modules_directly_imported_by(m)]
    for package in PACKAGES:
        sys.stdout.write(f"{package}: {1 + len(graph.find_descendants(package))} modules\n")
    found = circles(imports)
    for modules in found:
        sys.stderr.write(f"these import each other: {', '.join(modules)}\n")
    sys.stdout.write(f"{len(imports)} imports, {len(found)} circles\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
