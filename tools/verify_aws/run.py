"""One run of the scenarios: where it is, what its things are called, and how it is handed to pytest."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

#: Tag of everything that a run makes; its value is the run's id.
TAG = "pcluster-cfn:verify"
#: Folder of everything that a run uploads; a folder for each run is in it.
UPLOADS = "pcluster-cfn-verify"
#: The switch: without this variable the scenarios run on an embedded cloud.
VARIABLE = "VERIFY_AWS_RUN"


@dataclass(frozen=True)
class Run:
    """One run in one place.

    Attributes:
        run_id: Part of every name.
        into: Folder that recordings are written to; empty to hold what happens against recordings instead.
        on_aws: Whether it runs on the account of the environment's credentials.
        region: Its Region.
        bucket: A bucket of the account in this Region.
        subnet: A public subnet for the clusters; empty to make one.
        poll_s: Seconds between two looks at a stack.
        deadline_s: Seconds that an operation of a stack may take.
    """

    run_id: str
    into: str = ""
    on_aws: bool = False
    region: str = "us-east-1"
    bucket: str = ""
    subnet: str = ""
    poll_s: float = 0.2
    deadline_s: float = 180

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Returns the run that ``environment`` handed over; without one, a run on an embedded cloud."""
        return cls(**json.loads(environment.get(VARIABLE) or '{"run_id": "local"}'))

    def environment(self) -> dict[str, str]:
        """Returns the variable that hands it over."""
        return {VARIABLE: json.dumps(asdict(self))}

    @property
    def tags(self) -> dict[str, str]:
        """The tag of everything that it makes."""
        return {TAG: self.run_id}

    @property
    def uploads(self) -> str:
        """Its folder in the bucket."""
        return f"{UPLOADS}/{self.run_id}"

    def name(self, what: str) -> str:
        """Returns the name of one of its stacks."""
        return f"pcv-{self.run_id}-{what}"
