from collections.abc import Iterator

import pytest

from tests.support import cloudformation_api


@pytest.fixture(scope="session")
def _endpoint() -> Iterator[cloudformation_api.CloudFormationApi]:
    with cloudformation_api.serving() as api:
        yield api


@pytest.fixture
def api(_endpoint: cloudformation_api.CloudFormationApi) -> cloudformation_api.CloudFormationApi:
    _endpoint.reset()
    return _endpoint
