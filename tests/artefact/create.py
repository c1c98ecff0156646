"""Creates a cluster with the library on this process's import path: the folders given as arguments.

Run by path with ``-P -s -S``, so that nothing but Python's own library comes with it. Reads name, Region and
configuration from standard input; says what was loaded from where.
"""

import json
import sys
import time


def main() -> None:
    wanted = json.load(sys.stdin)
    sys.path[:] = [*sys.argv[1:], *sys.path]
    sys.dont_write_bytecode = True
    started_s = time.perf_counter()
    import pcluster.lib  # noqa: PLC0415 - the import path is set first

    imported_s = time.perf_counter()
    try:
        answer = pcluster.lib.create_cluster(
            cluster_name=wanted["name"],
            region=wanted["region"],
            cluster_configuration=wanted["configuration"],
            suppress_validators=["ALL"],
            rollback_on_failure=False,
        )
    except Exception as error:
        sys.exit(f"{type(error).__name__}: {getattr(error, 'content', error)}")
    created_s = time.perf_counter()
    import boto3  # noqa: PLC0415
    import yaml  # noqa: PLC0415

    modules = {name.split(".")[1] for name in sys.modules if name.startswith("aws_cdk.")}
    told = {
        "status": answer["cluster"]["clusterStatus"],
        "files": [module.__file__ for module in (pcluster.lib, boto3, yaml)],
        "cdk_modules": sorted(name for name in modules if not name.startswith("_")),
        "python": sys.version.split()[0],
        "import_s": imported_s - started_s,
        "create_s": created_s - imported_s,
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
