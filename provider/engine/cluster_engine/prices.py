"""Prices for a bound: from AWS's Price List with the engine's role, or from the dated table."""

import logging
import time
from collections.abc import Iterable
from typing import cast

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from pcluster_cfn.cost.meters import Family, Meter, Price
from pcluster_cfn.cost.price_list import Clients, list_prices
from pcluster_cfn.cost.table import table_prices

logger = logging.getLogger(__name__)

#: How long the Price List is asked, in seconds; its last request takes 30 s at most. A call has minutes.
PATIENCE_S = 20.0


def read(region: str, meters: Iterable[Meter]) -> dict[Meter, Price]:
    """Returns the prices of a Region: AWS's, and the table's for what AWS does not answer.

    Spot Instances count at their bound, the On-Demand price or ``SpotPrice``. Their own price changes by the
    hour, and what was allowed once must not be refused an hour later.

    Args:
        region: The Region.
        meters: What prices are needed of.
    """
    found = dict(table_prices(region))
    wanted = [meter for meter in meters if meter.family is not Family.SPOT]
    until = time.monotonic() + PATIENCE_S
    try:
        session = cast("Clients", boto3.Session())
        found.update(list_prices(session, region, wanted, lambda: time.monotonic() > until))
    except (ClientError, BotoCoreError) as error:
        logger.warning("the dated table of prices stands in for AWS's Price List: %s", error)
    return found
