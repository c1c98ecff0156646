"""No test reaches AWS: fake credentials, a closed endpoint and a guard on every socket."""

import functools
import os
from typing import Any

from botocore.loaders import JSONFileLoader

from localcloud import guard

os.environ.update(guard.FAKE_CREDENTIALS)
os.environ["AWS_DEFAULT_REGION"] = os.environ["AWS_REGION"] = "us-east-1"
# Port 1 is closed everywhere: a client that was not pointed at an embedded cloud is refused at once.
os.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"
os.environ["NO_PROXY"] = "127.0.0.1,localhost"
guard.install()


@functools.cache
def _parsed(path: str) -> Any:
    return _parse(JSONFileLoader(), path)


# botocore parses the models of its services for every session anew, 4 MB of them for EC2, and ParallelCluster
# makes a session for nearly every client. The engine's tests take a third less where they are kept.
_parse = JSONFileLoader.load_file
JSONFileLoader.load_file = lambda _, path: _parsed(path)
