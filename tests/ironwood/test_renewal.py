"""Which certificate is meant given those that are there; whose a deleted account's binding was."""

from dataclasses import replace

from builders import a_profile
from ironwood.claim import claimed
from ironwood.desired import desired
from ironwood.graph import Graph
from ironwood.renewal import renewed
from ironwood.resources.base import GLOBAL, Address
from ironwood.resources.https import FAILED_FOR_GOOD, Certificate, HttpsProxy
from ironwood.resources.iam_binding import IamBinding
from ironwood.resources.load_balancer import HttpProxy, UrlMap

PROFILE = a_profile("load_balancer: {domains: [a.example.com]}")
WANTED = desired(PROFILE, PROFILE.baseline)
CERTIFICATE = next(each for each in WANTED if isinstance(each, Certificate))


def meant(*live: Certificate) -> str:
    """The name desired, which the proxy bears too."""
    graph = renewed(WANTED, Graph.of(live)).closed()
    (found,) = [each for each in graph if isinstance(each, Certificate)]
    (proxy,) = [each for each in graph if isinstance(each, HttpsProxy)]
    assert proxy.certificates == (found.address,)
    return found.name


def test_the_first_name_is_meant_while_nothing_has_failed():
    assert meant() == CERTIFICATE.name
    assert meant(replace(CERTIFICATE, status="PROVISIONING")) == CERTIFICATE.name


def test_one_that_failed_for_good_is_followed_by_the_next_number_which_is_then_kept():
    failed = replace(CERTIFICATE, status=FAILED_FOR_GOOD)
    second = replace(CERTIFICATE, name=f"{CERTIFICATE.name}-2")
    assert meant(failed) == second.name
    assert meant(failed, replace(second, status="PROVISIONING")) == second.name
    assert meant(replace(second, status="ACTIVE")) == second.name
    assert meant(failed, replace(second, status=FAILED_FOR_GOOD)) == f"{CERTIFICATE.name}-3"


def test_anothers_certificate_and_one_for_other_domains_do_not_count():
    theirs = replace(CERTIFICATE, owner="other", name=f"{CERTIFICATE.name}-2", status="ACTIVE")
    other = replace(CERTIFICATE, domains=("b.example.com",), name="b", status="ACTIVE")
    assert meant(theirs, other) == CERTIFICATE.name


def test_other_domains_are_another_certificate_and_without_any_there_is_plain_http():
    changed = a_profile("load_balancer: {domains: [b.example.com]}")
    names = {each.name for each in desired(changed, changed.baseline) if isinstance(each, Certificate)}
    assert names
    assert CERTIFICATE.name not in names
    plain = desired(a_profile(), PROFILE.baseline)
    assert not any(isinstance(each, Certificate | HttpsProxy) for each in plain)
    (proxy,) = [each for each in WANTED if isinstance(each, HttpProxy)]
    redirect = WANTED.get(proxy.url_map)
    assert isinstance(redirect, UrlMap)
    assert redirect.to_https


def test_a_deleted_accounts_binding_is_the_profiles_whose_account_it_was():
    def left(account: str) -> IamBinding:
        address = Address(kind="service_account", scope=GLOBAL, name=account)
        return IamBinding(name=account, account=address, role="roles/viewer", member=f"deleted:serviceAccount:{account}@p?uid=1")

    live = Graph.of([left("tpu-inference-sa"), left("somebody-else"), left("dev-tpu-inference-sa")])
    assert [each.name for each in claimed(live, PROFILE).owned_by("test")] == ["tpu-inference-sa"]
