"""HTTPS for real: a managed certificate that is signed once its names lead here, TLS by SNI, and the redirect from HTTP."""

import ssl

import dns.message
import dns.query
import httpx
import pytest

from emulator import authority

HEAD = "projects/test-project/global"


def names(cloud, **records):
    cloud.admin("PUT", "dns", {name.replace("_", "."): value for name, value in records.items()})


def certificate(cloud, *domains, name="cert"):
    cloud.do("POST", "global/sslCertificates", {"name": name, "type": "MANAGED", "managed": {"domains": list(domains)}})
    return f"{HEAD}/sslCertificates/{name}"


def https_front(cloud, *certificates, port=8443):
    """A proxy with these certificates and a rule before it; answers the rule's address and the port it listens on."""
    cloud.health_check()
    service = cloud.backend_service()
    cloud.do("POST", "global/urlMaps", {"name": "map", "defaultService": service})
    cloud.do("POST", "global/targetHttpsProxies", {"name": "proxy", "urlMap": f"{HEAD}/urlMaps/map", "sslCertificates": list(certificates)})
    cloud.do("POST", "global/addresses", {"name": "ip"})
    rule = {"name": "rule", "loadBalancingScheme": "EXTERNAL_MANAGED", "IPAddress": f"{HEAD}/addresses/ip", "portRange": str(port)}
    cloud.do("POST", "global/forwardingRules", {**rule, "target": f"{HEAD}/targetHttpsProxies/proxy"})
    return cloud.ask("GET", "global/addresses/ip")["address"]


def get(cloud, domain, port=8443, path="/"):
    (listener,) = [each for each in cloud.admin("GET", "listeners")["listeners"] if each["port"] == port]
    trust = ssl.create_default_context(cadata=cloud.http.get("/_emulator/ca.pem").text)
    with httpx.Client(verify=trust, timeout=20) as client:
        return client.get(f"https://{listener['listening']}{path}", headers={"Host": domain}, extensions={"sni_hostname": domain})


def managed(cloud, name="cert"):
    return cloud.ask("GET", f"global/sslCertificates/{name}")["managed"]


def test_a_certificate_is_signed_once_its_name_leads_here_and_serves_by_sni(stepped):
    names(stepped, one_example_com={"A": ["192.0.2.1"]}, two_example_com={"A": ["192.0.2.1"]})
    one, two = certificate(stepped, "one.example.com"), certificate(stepped, "two.example.com", name="other")
    stepped.advance(120)
    assert managed(stepped) == {
        "domains": ["one.example.com"], "status": "PROVISIONING", "domainStatus": {"one.example.com": "PROVISIONING"},
    }  # fmt: skip
    address = https_front(stepped, one, two)
    stepped.advance(120)
    assert managed(stepped)["domainStatus"] == {"one.example.com": "FAILED_NOT_VISIBLE"}
    with pytest.raises(httpx.ConnectError):
        get(stepped, "one.example.com")
    names(stepped, one_example_com={"A": [address]}, two_example_com={"A": [address], "CAA": ['0 issue "pki.goog"']})
    stepped.advance(120)
    assert managed(stepped)["status"] == managed(stepped, "other")["status"] == "ACTIVE"
    assert stepped.ask("GET", "global/sslCertificates/other")["subjectAlternativeNames"] == ["two.example.com"]
    assert get(stepped, "one.example.com").status_code == get(stepped, "two.example.com").status_code == 502
    with pytest.raises(httpx.ConnectError, match="Hostname mismatch"):
        get(stepped, "three.example.com")


def test_a_forbidding_caa_record_is_told_and_what_never_works_is_given_up(stepped):
    stepped.admin("PUT", "durations", {"ssl.give_up": 600})
    cert = certificate(stepped, "shut.example.com")
    address = https_front(stepped, cert)
    names(stepped, shut_example_com={"A": [address], "CAA": ['0 issue "other.example"']})
    stepped.advance(120)
    assert managed(stepped)["domainStatus"] == {"shut.example.com": "FAILED_CAA_FORBIDDEN"}
    stepped.advance(700)
    assert managed(stepped)["status"] == "PROVISIONING_FAILED_PERMANENTLY"
    names(stepped, shut_example_com={"A": [address]})
    stepped.advance(300)
    assert managed(stepped)["status"] == "PROVISIONING_FAILED_PERMANENTLY"


def test_a_certificate_in_use_stays_and_a_proxy_changes_its_certificates(stepped):
    one, two = certificate(stepped, "a.example.test"), certificate(stepped, "b.example.test", name="other")
    https_front(stepped, one)
    error = stepped.ask("DELETE", "global/sslCertificates/cert", status=400)["error"]
    assert error["errors"][0]["reason"] == "resourceInUseByAnotherResource"
    stepped.do("POST", "targetHttpsProxies/proxy/setSslCertificates", {"sslCertificates": [two]})
    stepped.do("DELETE", "global/sslCertificates/cert")
    stepped.ask("POST", "targetHttpsProxies/proxy/setSslCertificates", {"sslCertificates": []}, status=400)
    stepped.ask("POST", "global/sslCertificates", {"name": "bad", "type": "MANAGED", "managed": {"domains": ["*.example.com"]}}, status=400)


def test_names_below_test_lead_to_their_certificates_load_balancer_over_dns(stepped):
    where, _, port = stepped.admin("GET", "health")["dns"].partition(":")
    address = https_front(stepped, certificate(stepped, "web.example.test"))

    def ask(name, kind):
        answer = dns.query.udp(dns.message.make_query(name, kind), where, port=int(port), timeout=5)
        return answer.rcode(), [item.to_text() for rrset in answer.answer for item in rrset]

    assert ask("web.example.test", "A") == (0, [address])
    assert ask("web.example.test", "AAAA") == (0, [])
    assert ask("nobody.example.test", "A") == (3, [])
    names(stepped, web_example_test={"CAA": ['0 issue "pki.goog"']})
    assert ask("web.example.test", "CAA") == (0, ['0 issue "pki.goog"'])
    assert ask("web.example.test", "A") == (0, [])


def test_http_is_redirected_with_its_query(stepped):
    redirect = {"httpsRedirect": True, "redirectResponseCode": "MOVED_PERMANENTLY_DEFAULT", "stripQuery": False}
    stepped.do("POST", "global/urlMaps", {"name": "away", "defaultUrlRedirect": redirect})
    stepped.do("POST", "global/targetHttpProxies", {"name": "plain", "urlMap": f"{HEAD}/urlMaps/away"})
    rule = {"name": "plain", "loadBalancingScheme": "EXTERNAL_MANAGED", "portRange": "8080", "target": f"{HEAD}/targetHttpProxies/plain"}
    stepped.do("POST", "global/forwardingRules", rule)
    (listener,) = stepped.admin("GET", "listeners")["listeners"]
    answer = httpx.get(f"{listener['url']}/v1/predict?a=1", headers={"Host": "web.example.test"})
    assert (answer.status_code, answer.headers["location"]) == (301, "https://web.example.test/v1/predict?a=1")


def test_the_authority_outlives_a_restart(start_emulator, tmp_path):
    cloud = start_emulator("--state", str(tmp_path / "state"))
    pem = cloud.http.get("/_emulator/ca.pem").text
    cloud.end()
    assert cloud.start().http.get("/_emulator/ca.pem").text == pem
    assert authority.NAME.rfc4514_string().startswith("CN=Embedded")
