"""No test reaches AWS: fake credentials, a closed endpoint and a guard on every socket."""

import os

from localcloud import guard

os.environ.update(guard.FAKE_CREDENTIALS)
os.environ["AWS_DEFAULT_REGION"] = os.environ["AWS_REGION"] = "us-east-1"
# Port 1 is closed everywhere: a client that was not pointed at an embedded cloud is refused at once.
os.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"
os.environ["NO_PROXY"] = "127.0.0.1,localhost"
guard.install()
