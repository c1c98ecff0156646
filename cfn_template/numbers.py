"""Numbers as CloudFormation reads them from YAML and writes them into text.

Its parser and its runtime are Java's. Source: aws/aws-cli issues 2934, 3991 and 6908 and
aws-cloudformation/rain issue 27: unquoted, 012345678901 arrives as 1.2345678901E10.
"""

import math
import re
from decimal import Decimal

#: What begins a number, and what is one although YAML 1.1 calls it text: digits with a leading zero that are
#: not octal, and an exponent without a point. Source: SnakeYAML, Resolver.FLOAT, which is tried after
#: Resolver.INT, as here.
FLOAT_WITHOUT_POINT = re.compile(r"[-+]?[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?$")
FIRST_CHARACTERS = list("-+0123456789")

#: From here on, and below the second one, a number has an exponent. Source: Java, Double.toString.
_LARGE = 1e7
_SMALL = 1e-3


def float_text(number: float) -> str:
    """Returns a number with a fraction, or one too large to be written out, as text.

    Args:
        number: Any; infinities and what is not a number come out as Python writes them.
    """
    if number == 0 or _SMALL <= abs(number) < _LARGE or not math.isfinite(number):
        return repr(number)
    mantissa, exponent = f"{Decimal(repr(number)).normalize():E}".split("E")
    return f"{mantissa if '.' in mantissa else f'{mantissa}.0'}E{int(exponent)}"
