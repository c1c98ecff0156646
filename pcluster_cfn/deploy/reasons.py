"""Reads the reason of a failed resource: the error's code, each mistake with its place, and what to do.

The provider's reasons have the form ``Code: place: mistake. place: mistake. What to do.``
(docs/reference/errors.md). Any other reason is CloudFormation's or another service's own sentence.
"""

import re
from dataclasses import dataclass

#: What to do about each of the provider's codes, if its reason does not say.
#: Source: docs/reference/errors.md.
REMEDIES = {
    "MalformedRequest": "Invoke the provider through CloudFormation.",
    "NotConfirmed": "Run the stack operation again.",
    "RecordTooLarge": "Make the properties shorter; move scripts and files to S3.",
    "MissingProperty": "Add it; pcluster-cfn validate finds such mistakes before a deployment.",
    "InvalidProperty": "Correct it; pcluster-cfn validate finds such mistakes before a deployment.",
    "NotOwner": "Choose another name, or set AdoptExisting: true to take the cluster over.",
    "NotFound": "Correct the name or the filter; if the template makes it, add DependsOn.",
    "ClusterRejected": "Do what each message says.",
    "BudgetExceeded": "Make the cluster smaller where the message says, or have the bound changed.",
    "VersionMismatch": "Add the engine to the provider stack, or remove PclusterVersion.",
    "ClusterFailed": "Fix the cause.",
    "ImageRejected": "Do what each message says.",
    "ImageFailed": "Fix the cause.",
    "EngineFailed": "Read the engine's log group.",
    "DeadlineExceeded": "Set ServiceTimeout to 3600, or use a wait condition.",
}
#: CloudFormation's words around a custom resource's reason.
#: Source: observed stack events; no page of the documentation lists them.
_WRAPPED = re.compile(
    r"Received response status \[FAILED\] from custom resource\. Message returned: (?P<reason>.*?)"
    r"(?: \(RequestId: (?P<request_id>[\w-]+)\))?",
    re.DOTALL,
)
#: Words around the message of a resource of AWS's own. Source: observed stack events.
_HANDLER = re.compile(
    r'Resource handler returned message: "(?P<message>.*)" '
    r"\(RequestToken: [\w-]+, HandlerErrorCode: \w+\)",
    re.DOTALL,
)
#: A !GetAtt of what a custom resource's response lacks. Source: observed stack events.
_ABSENT = re.compile(
    r"CustomResource attribute error: Vendor response doesn't contain (?P<attribute>\S+) key in object "
    r"[^|\s]*\|(?P<resource>\w+)\|"
)
_CODED = re.compile(rf"(?P<code>{'|'.join(REMEDIES)}): (?P<where>[^:]+): (?P<rest>.*)", re.DOTALL)
#: How a further mistake begins, by code: a property or a path; a level and a validator; a parameter and its
#: old value.
_PLACE = r"[A-Z]\w*(?:/[^\s:]+)*: "
_VALIDATOR = r"(?:ERROR|WARNING|INFO) \w+: "
_CHANGE = r"[A-Z]\S* from \S"
_FURTHER = {
    "MissingProperty": _PLACE,
    "InvalidProperty": _PLACE,
    "BudgetExceeded": _PLACE,
    "ClusterRejected": f"{_VALIDATOR}|{_CHANGE}",
    "ImageRejected": _VALIDATOR,
}
_LEFT_OUT = r"\d+ more left out; "
#: Where more is to be read, which is not yet what to do.
_LOGS = "Logs of the nodes"
#: How a sentence begins that says what to do, or what else to know, and not what is wrong.
_ADVICE = (
    "A cluster keeps its version",
    "A stopped compute fleet would",
    "AWS denied the engine",
    "Add one to the provider stack",
    "Another stack's cluster took",
    "Choose another name",
    "Delete that object",
    "Give the resource",
    "Have that stack",
    "Known are",
    _LOGS,
    "Move long scripts",
    "Nothing was changed",
    "Put the old name back",
    "Remove it",
    "Repair it first",
    "Set ComputeFleetUpdatePolicy",
    "The cluster was not changed",
)
#: What comes before it ends with a full stop, unless it is a quoted line of a log.
_BOUNDARY = re.compile(
    rf"(?<=[.!?]) (?={'|'.join(map(re.escape, _ADVICE))})| (?={_LOGS}: CloudWatch log group )"
)
#: How a quoted line of a head node's log begins: the first one of a log, and the others.
_QUOTED = re.compile(r" (?=The head node's [\w. -]+: )| (?=\| )")


@dataclass(frozen=True)
class Mistake:
    """One mistake, and its place as the reason names it: a property with a path, or a cluster."""

    place: str
    text: str

    @property
    def property_path(self) -> tuple[str, ...]:
        """The property and the keys below it; empty if the place is none."""
        return () if " " in self.place else tuple(self.place.split("/")) if self.place else ()


@dataclass(frozen=True)
class Cause:
    """Why a resource failed.

    Attributes:
        code: The provider's code; empty for any other reason.
        mistakes: At least one, the worst first.
        next_step: What to do.
        details: Lines of the head node's logs that the reason quotes.
        request_id: The request in the provider's logs; empty if the reason does not name it.
    """

    code: str
    mistakes: tuple[Mistake, ...]
    next_step: str = ""
    details: tuple[str, ...] = ()
    request_id: str = ""


def read_reason(reason: str) -> Cause:
    """Returns the parts of a failed resource's reason."""
    wrapped = _WRAPPED.fullmatch(reason.strip())
    text = " ".join((wrapped["reason"] if wrapped else reason).split())
    request_id = (wrapped["request_id"] or "") if wrapped else ""
    coded = _CODED.fullmatch(text)
    if coded is None:
        if absent := _ABSENT.match(text):
            said = f"{absent['resource']} has no attribute {absent['attribute']}."
            return Cause(
                "", (Mistake("", said),), "Correct the !GetAtt; pcluster-cfn validate finds such mistakes."
            )
        handled = _HANDLER.fullmatch(text)
        said = handled["message"] if handled else text
        return Cause("", (Mistake("", said or "CloudFormation gives no reason."),), request_id=request_id)
    code, rest = coded["code"], coded["rest"]
    said, _, advice = _split_once(_BOUNDARY, rest)
    said, *details = _QUOTED.split(said) if code == "ClusterFailed" else [said]
    first, *others = _further_mistakes(code, coded["where"]).split(said)
    mistakes = [Mistake(coded["where"], first), *(_further(code, coded["where"], each) for each in others)]
    if not advice or advice.startswith(_LOGS):
        advice = f"{REMEDIES[code]} {advice}".rstrip()
    return Cause(code, tuple(mistakes), advice, tuple(details), request_id)


def _further_mistakes(code: str, where: str) -> re.Pattern[str]:
    """Returns the boundary before a further mistake.

    All mistakes in a configuration have paths in it. Other words of ParallelCluster's may look like a place.
    """
    root, slash, _ = where.partition("/")
    further = rf"{re.escape(root)}(?:/[^\s:]+)*: " if slash else _FURTHER.get(code)
    return re.compile(rf"(?<=[.!?]) (?={'|'.join(filter(None, [further, _LEFT_OUT]))})")


def _split_once(pattern: re.Pattern[str], text: str) -> tuple[str, str, str]:
    found = pattern.search(text)
    return (text, "", "") if found is None else (text[: found.start()], found[0], text[found.end() :])


def _further(code: str, where: str, text: str) -> Mistake:
    if _FURTHER.get(code) == _PLACE and re.match(_PLACE, text):
        place, _, what = text.partition(": ")
        return Mistake(place, what)
    return Mistake("" if re.match(_LEFT_OUT, text) else where, text)
