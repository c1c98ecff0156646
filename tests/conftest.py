"""No test reaches AWS: fake credentials, a closed endpoint and a guard on every socket."""

import functools
from typing import Any

from botocore.loaders import JSONFileLoader

from localcloud import guard

guard.close_account()


@functools.cache
def _parsed(path: str) -> Any:
    return _parse(JSONFileLoader(), path)


# botocore parses the models of its services for every session anew, 4 MB of them for EC2, and ParallelCluster
# makes a session for nearly every client. The engine's tests take a third less where they are kept.
_parse = JSONFileLoader.load_file
JSONFileLoader.load_file = lambda _, path: _parsed(path)
