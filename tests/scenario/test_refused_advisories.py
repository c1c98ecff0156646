"""The operator has new clusters refused whose release has a known flaw of some severity."""

from tests.support.world import CONFIGURATION, World, failed, properties

FLAW = (
    "RefuseAdvisories of the provider stack (high) refuses ParallelCluster 3.14.0: CVE-1 (high): bad. Move."
)
OTHER = {**CONFIGURATION, "Tags": [{"Key": "a", "Value": "b"}]}


def test_a_create_is_asked_with_the_severity_and_its_refusal_names_the_advisory() -> None:
    world = World(refused_severity="high")
    request = world.create()
    _, call = world.engines.calls[-1]
    assert call["arguments"] == {"refuse_advisories": "high"}
    message = {"level": "ERROR", "type": "Advisory", "message": FLAW}
    world.run_engine(failed("ClusterRejected", FLAW) | {"validation_messages": [message]})
    answer = world.sink.answer(request)
    assert answer["Reason"] == f"ClusterRejected: ClusterConfiguration: ERROR Advisory: {FLAW}"
    assert (world.engines.calls, world.stacks.living("hpc")) == ([], None)


def test_an_update_of_a_cluster_that_lives_is_not_asked_about_advisories() -> None:
    world = World()
    world.made()
    world.refused_severity = "critical"
    world.choose("Allow")
    world.update(ClusterConfiguration=OTHER)
    _, call = world.engines.calls[-1]
    assert (call["operation"], call["arguments"]) == ("update", {})


def test_a_replacement_is_a_new_cluster_and_is_asked_about_them() -> None:
    world = World()
    world.made()
    world.refused_severity = "critical"
    world.choose("Allow")
    world.update(old=properties(), ClusterName="other", ClusterNameUpdatePolicy="Replace")
    _, call = world.engines.calls[-1]
    assert (call["operation"], call["arguments"]) == ("create", {"refuse_advisories": "critical"})
