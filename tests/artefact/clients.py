"""Makes every client that the library on this process's import path can make: the folder given as argument.

Run by path with ``-P -s -S``, so that nothing but Python's own library comes with it. Says which it made.
"""

import json
import sys


def main() -> None:
    sys.path.insert(0, sys.argv[1])
    sys.dont_write_bytecode = True
    from pcluster.aws.aws_api import AWSApi  # noqa: PLC0415 - the import path is set first

    clients = AWSApi.instance()
    names = [name for name, member in vars(AWSApi).items() if isinstance(member, property)]
    sys.stdout.write(json.dumps([type(getattr(clients, name)).__name__ for name in names]))


if __name__ == "__main__":
    main()
