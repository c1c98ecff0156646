"""Says where the AWS SDK on this process's import path sends requests, for every service and Region it knows.

Run by path with ``-P -s -S``: the first argument is the folder of packages, the others are services; without
them it is every service that the SDK there describes. Nothing is sent.
"""

import json
import ssl
import sys
from pathlib import Path


class NotSentError(Exception):
    """Ends a request when everything about it is known."""


def refuse(request, **_):
    raise NotSentError(request.url)


def main() -> None:
    folder, *services = sys.argv[1:]
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True
    import botocore.httpsession  # noqa: PLC0415 - the import path is set first
    import botocore.session  # noqa: PLC0415

    session = botocore.session.get_session()
    session.set_credentials("key", "secret")
    description = Path(botocore.__file__).parent / "data" / "partitions.json"
    partitions = json.loads(description.read_text())["partitions"]
    regions = [name for partition in partitions for name in partition["regions"] if "global" not in name]
    bundle = botocore.httpsession.where()
    context = ssl.create_default_context(cafile=bundle)
    told = {
        "sdk": botocore.__file__,
        "urls": {
            f"{service} {region}": url(session, service, region)
            for service in services or session.get_available_services()
            for region in regions
        },
        "bundle": str(bundle),
        "authorities": sorted(
            value
            for certificate in context.get_ca_certs()
            for part in certificate["subject"]
            for key, value in part
            if key == "commonName"
        ),
    }
    sys.stdout.write(json.dumps(told))


def url(session, service, region):
    """Where the first operation goes that needs no argument; if each needs one, where the client points."""
    client = session.create_client(service, region_name=region)
    client.meta.events.register("before-send", refuse)
    model = client.meta.service_model
    for name in model.operation_names:
        operation = model.operation_model(name)
        if operation.input_shape is None or not operation.input_shape.required_members:
            try:
                client._make_api_call(name, {})  # noqa: SLF001 - the method's own name is not needed
            except NotSentError as ended:
                return str(ended)
    return client.meta.endpoint_url


if __name__ == "__main__":
    main()
