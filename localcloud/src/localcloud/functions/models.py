"""Functions and layers: moto's models with layers' contents, logging and dead letters."""

import base64
import zipfile
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError
from moto.awslambda.models import LambdaBackend, LambdaFunction, LayerVersion
from moto.awslambda.utils import get_backend
from moto.core.common_models import CloudFormationModel

from localcloud.functions.deployment import Archive, Deployment, unpack
from localcloud.functions.limits import LAYERS_LIMIT, check_size, check_variables
from localcloud.functions.permissions import require_dead_letters
from localcloud.functions.runtime_calendar import check_runtime
from localcloud.functions.states import FunctionState
from localcloud.gaps import gap
from localcloud.resources.model import Place, Resource, Wanted, in_place_of, number, tags_by_key

#: Destinations and dead-letter queues that this cloud can deliver to.
DELIVERABLE = ("lambda", "sqs")


#: What CloudFormation falls back to when a property leaves the template.
_DEFAULTS: dict[str, Any] = {
    "Description": "",
    "Environment": {},
    "Layers": [],
    "LoggingConfig": {},
    "DeadLetterConfig": {},
    "MemorySize": 128,
    "Timeout": 3,
    "VpcConfig": None,
}


@in_place_of(LambdaFunction)
class Function(Resource, LambdaFunction, CloudFormationModel):
    """A function whose code and layers can be run."""

    cfn_attributes: ClassVar[dict[str, str]] = {"Arn": "unqualified_arn"}

    def __init__(self, account_id: str, spec: dict[str, Any], region: str, version: str | int = 1) -> None:
        self._layer_archives: tuple[Archive, ...] = ()
        self.logging_config: dict[str, Any] = {}
        self.dead_letter_config: dict[str, Any] = {}
        self.progress = FunctionState()
        if spec.get("PackageType", "Zip") != "Zip":
            raise InvalidParameterValueException(f"container images are not run {gap('lambda.languages')}")
        check_runtime(spec["Runtime"], "create-block")
        super().__init__(account_id, spec, region, version)
        self._set_extras(spec)
        self._check_limits()

    def update_configuration(self, config_updates: dict[str, Any]) -> dict[str, Any]:
        """Changes the given settings; see moto."""
        updates = dict(config_updates)
        check_runtime(str(updates.get("Runtime", self.run_time)), "update-block")
        if "Environment" in updates:
            updates["Environment"] = {"Variables": (updates["Environment"] or {}).get("Variables", {})}
        super().update_configuration(updates)
        self._set_extras(updates)
        self._check_limits()
        configuration: dict[str, Any] = self.get_configuration()
        return configuration

    def update_function_code(self, updated_spec: dict[str, Any]) -> dict[str, Any]:
        """Replaces the code; see moto."""
        check_runtime(str(self.run_time), "update-block")
        updated: dict[str, Any] = super().update_function_code(updated_spec)
        return updated

    def get_configuration(self, on_create: bool = False) -> dict[str, Any]:
        """Returns the configuration as the API reports it."""
        configuration: dict[str, Any] = super().get_configuration(on_create)
        configuration["LoggingConfig"] = {
            "LogFormat": self.log_format,
            "LogGroup": self.log_group,
            **self.logging_config,
        }
        if self.dead_letter_config:
            configuration["DeadLetterConfig"] = self.dead_letter_config
        if not configuration["Layers"]:
            del configuration["Layers"]
        runtime = str(self.run_time)
        return configuration | self.progress.to_json(runtime, self.region, on_create=on_create)

    @property
    def physical_resource_id(self) -> str:  # type: ignore[override]
        """The function's name, which is what ``Ref`` gives."""
        return str(self.function_name)

    @property
    def log_group(self) -> str:
        """The group in CloudWatch Logs that the function writes to."""
        return str(self.logging_config.get("LogGroup") or f"/aws/lambda/{self.function_name}")

    @property
    def log_format(self) -> str:
        """``Text`` or ``JSON``."""
        return str(self.logging_config.get("LogFormat") or "Text")

    @property
    def unqualified_arn(self) -> str:
        """The ARN without a version."""
        return ":".join(str(self.function_arn).split(":")[:7])

    @property
    def reserved(self) -> int | None:
        """Reserved concurrent executions, or none."""
        return None if self.reserved_concurrency is None else int(self.reserved_concurrency)

    @property
    def event_config(self) -> dict[str, Any]:
        """How asynchronous invocation is configured; empty for the defaults."""
        return self.event_invoke_config[0].config if self.event_invoke_config else {}

    def destination(self, condition: Literal["OnSuccess", "OnFailure"]) -> str | None:
        """Returns the ARN that records of asynchronous invocations go to, if any."""
        configured = (self.event_config.get("DestinationConfig") or {}).get(condition) or {}
        return configured.get("Destination") or None

    def deployment(self, folder: Path) -> Deployment:
        """Unpacks code and layers below a folder and returns what an environment needs.

        Raises:
            InvalidParameterValueException: The code is no zip archive.
        """
        try:
            code = unpack(self._code_archive, folder / "code")
            layers = tuple(unpack(archive, folder / "layers") for archive in self._layer_archives)
        except (zipfile.BadZipFile, ValueError) as error:
            raise InvalidParameterValueException(f"Could not unzip uploaded file: {error}") from error
        return Deployment(
            function_name=self.function_name,
            function_arn=self.unqualified_arn,
            role_arn=str(self.role),
            version=str(self.version),
            handler=str(self.handler),
            runtime=str(self.run_time),
            code=code,
            layers=layers,
            variables=tuple(sorted((key, str(value)) for key, value in self.environment_vars.items())),
            timeout_s=int(self.timeout),
            memory_mb=int(self.memory_size),
            log_group=self.log_group,
            log_format=self.log_format,
            account=self.account_id,
            region=self.region,
        )

    def invoke(self, *_arguments: Any) -> str:
        """Raises, so that moto's other services do not start Docker."""
        raise NotImplementedError(f"{self.function_name} has a trigger of no effect {gap('lambda.triggers')}")

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "Function":
        """Creates the function from an ``AWS::Lambda::Function``."""
        spec = _spec(wanted.properties) | {"FunctionName": wanted.name}
        backend, reserved = _backend(wanted.place), spec.pop("ReservedConcurrentExecutions", None)
        function = cast(Function, backend.create_function(spec))
        function.progress.settle()
        if reserved is not None:
            try:
                backend.put_function_concurrency(wanted.name, reserved)
            except LambdaClientError:
                backend.delete_function(wanted.name)
                raise
        return function

    def update_resource(self, wanted: Wanted) -> "Function":
        """Updates the function in place; under another name it is replaced."""
        if wanted.properties.get("FunctionName", self.function_name) != self.function_name:
            return cast(Function, super().update_resource(wanted))
        spec = _DEFAULTS | _spec(wanted.properties)
        check_runtime(spec["Runtime"], "update-block")
        self.run_time = spec["Runtime"]  # before the code, which a blocked runtime would refuse
        self.update_function_code(spec["Code"])
        self.update_configuration(spec)
        self.tags = spec["Tags"]
        if (reserved := spec.get("ReservedConcurrentExecutions")) is None:
            self.reserved_concurrency = None
        else:
            _backend(wanted.place).put_function_concurrency(self.function_name, reserved)
        return self

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the function of this name, unless it is gone."""
        unless_gone(lambda: _backend(place).delete_function(physical_id))

    def _get_layers_data(self, layers_versions_arns: list[str]) -> Any:
        if len(layers_versions_arns) > LAYERS_LIMIT:
            raise InvalidParameterValueException(f"Cannot reference more than {LAYERS_LIMIT} layers.")
        data = super()._get_layers_data(layers_versions_arns)
        backend = get_backend(self.account_id, self.region)
        # Kept with the function: it goes on running with a layer version that has been deleted.
        layers = [backend.layers_versions_by_arn(arn) for arn in layers_versions_arns]
        self._layer_archives = tuple(
            Archive(layer.code_bytes, layer.code_digest) for layer in layers if layer
        )
        return data

    def _set_function_code(self, updated_spec: dict[str, Any]) -> None:
        super()._set_function_code(updated_spec)
        if "S3Key" in updated_spec and not self.code_bytes:  # moto makes nothing of a missing object
            raise InvalidParameterValueException(
                "Error occurred while GetObject. S3 Error Code: NoSuchKey. "
                f"S3 Error Message: The specified key does not exist: {updated_spec['S3Key']}"
            )

    def _set_extras(self, spec: dict[str, Any]) -> None:
        if "LoggingConfig" in spec:
            self.logging_config = spec["LoggingConfig"] or {}
        if "DeadLetterConfig" in spec:
            self.dead_letter_config = spec["DeadLetterConfig"] or {}
            if target_arn := self.dead_letter_config.get("TargetArn"):
                check_deliverable(target_arn)
                require_dead_letters(str(self.role), target_arn)
        if "EphemeralStorage" in spec:
            self.ephemeral_storage = int(spec["EphemeralStorage"]["Size"])
        if "TracingConfig" in spec:
            self.tracing_config = spec["TracingConfig"]
        if "KMSKeyArn" in spec:
            self.kms_key_arn = spec["KMSKeyArn"]

    @property
    def _code_archive(self) -> Archive:
        return Archive(self.code_bytes, self.code_digest)

    def _check_limits(self) -> None:
        check_variables(self.environment_vars)
        check_size((self._code_archive, *self._layer_archives))


def check_deliverable(arn: str) -> None:
    """Checks that this cloud can deliver to a destination.

    Raises:
        InvalidParameterValueException: Neither a function nor a queue.
    """
    kind = arn.split(":")[2] if arn.count(":") >= 5 else arn  # noqa: PLR2004 - six fields make an ARN
    if kind not in DELIVERABLE:
        raise InvalidParameterValueException(
            f"destination {arn}: only {', '.join(DELIVERABLE)} are emulated {gap('lambda.asynchronous')}"
        )


def _spec(properties: dict[str, Any]) -> dict[str, Any]:
    """Turns CloudFormation's properties into CreateFunction's parameters."""
    spec = {key: value for key, value in properties.items() if value is not None}
    for name in {"MemorySize", "Timeout", "ReservedConcurrentExecutions"} & spec.keys():
        spec[name] = number(spec[name])
    spec["Tags"] = tags_by_key(properties.get("Tags"))
    spec["Code"] = dict(properties["Code"])
    if "ZipFile" in spec["Code"]:  # source text here, an archive in the API
        archive = LambdaFunction._create_zipfile_from_plaintext_code(spec["Code"]["ZipFile"])  # noqa: SLF001
        spec["Code"]["ZipFile"] = base64.b64encode(archive).decode()
    return spec


@in_place_of(LayerVersion)
class PublishedLayer(Resource, LayerVersion, CloudFormationModel):
    """A layer version that CloudFormation can name, describe fully and delete."""

    cfn_attributes: ClassVar[dict[str, str]] = {"LayerVersionArn": "arn"}

    # A layer version never changes: without an update of its own it is replaced.
    update_from_cloudformation_json = CloudFormationModel.update_from_cloudformation_json

    @property
    def physical_resource_id(self) -> str:  # type: ignore[override]
        """The version's ARN, which is what ``Ref`` gives."""
        return str(self.arn)

    @classmethod
    def create_resource(cls, wanted: Wanted) -> "PublishedLayer":
        """Publishes a version from an ``AWS::Lambda::LayerVersion``."""
        spec = {**wanted.properties, "LayerName": wanted.properties.get("LayerName") or wanted.name}
        return cast(PublishedLayer, _backend(wanted.place).publish_layer_version(spec))

    @classmethod
    def delete_resource(cls, physical_id: str, place: Place) -> None:
        """Deletes the version with this ARN, if it exists; functions that use it keep it."""
        *_, name, version = physical_id.split(":")
        unless_gone(lambda: _backend(place).delete_layer_version(name, version))


def unless_gone(delete: Callable[[], object]) -> None:
    """Deletes something that may be deleted already."""
    try:
        delete()
    except LambdaClientError as error:
        if error.code != HTTPStatus.NOT_FOUND:
            raise


def _backend(place: Place) -> LambdaBackend:
    return get_backend(place.account_id, place.region_name)
