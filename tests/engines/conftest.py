"""These tests need what `make e2e-engines` builds, so they are not there without it."""

from tests.e2e.account import ARTEFACT

collect_ignore_glob = [] if ARTEFACT else ["test_*.py"]
