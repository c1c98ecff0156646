"""These tests are about what was built, so they are not there where nothing was: see `make e2e-artefact`."""

from tests.e2e.account import ARTEFACT

collect_ignore_glob = [] if ARTEFACT else ["test_*.py"]
