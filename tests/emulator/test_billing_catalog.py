"""The price catalog: what is billed, in Google's shape, over REST and gRPC alike."""

from urllib.parse import urlsplit

import grpc
import pytest
from discovery_schemas import check
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import billing_v1
from google.cloud.billing_v1.services.cloud_catalog.transports import CloudCatalogGrpcTransport

COMPUTE = "services/6F81-5844-456A"


def check_answer(response, **_options):
    check(response.request.method, urlsplit(response.request.url).path, response.status_code, response.text)


@pytest.fixture
def cloud(stepped):
    stepped.enable("cloudbilling")
    return stepped


@pytest.fixture
def client(cloud):
    transport = billing_v1.CloudCatalogClient.get_transport_class("rest")(
        host=f"127.0.0.1:{cloud.port}", url_scheme="http", credentials=AnonymousCredentials()
    )
    transport._session.hooks["response"].append(check_answer)
    yield billing_v1.CloudCatalogClient(transport=transport)
    transport.close()


def money(sku):
    price = sku.pricing_info[0].pricing_expression.tiered_rates[-1].unit_price
    return price.units + price.nanos / 1e9


def test_the_catalog_has_ironwood_at_its_list_price(client, cloud):
    (sku,) = [each for each in client.list_skus(parent=COMPUTE) if each.sku_id == "0F71-4391-B6CA"]
    assert (money(sku), sku.category.usage_type, list(sku.service_regions)) == (12.0, "OnDemand", ["us-central1"])
    expression = sku.pricing_info[0].pricing_expression
    assert (expression.usage_unit, expression.base_unit_conversion_factor) == ("h", 3600)
    cloud.admin("POST", "faults", {"type": "price", "sku": "tpu7x.us-central1.on_demand", "factor": "0.5"})
    (sku,) = [each for each in client.list_skus(parent=COMPUTE) if each.sku_id == "0F71-4391-B6CA"]
    assert money(sku) == 6.0


def test_spot_is_preemptible_and_small_prices_keep_their_digits(client):
    by_text = {each.description: each for each in client.list_skus(parent=COMPUTE)}
    spot = by_text["Tpu7x spot in us-central1"]
    assert (money(spot), spot.category.usage_type) == (4.332, "Preemptible")
    assert money(by_text["Nat gateway vm"]) == 0.0014
    assert by_text["Disk hyperdisk balanced"].pricing_info[0].pricing_expression.usage_unit == "GiBy.mo"


def test_what_is_free_at_first_is_a_tier_of_its_own(client):
    services = {each.display_name: each.name for each in client.list_services()}
    (job,) = client.list_skus(parent=services["Cloud Scheduler"])
    rates = [(rate.start_usage_amount, rate.unit_price.nanos) for rate in job.pricing_info[0].pricing_expression.tiered_rates]
    assert rates == [(0, 0), (3, 100_000_000)]


def test_every_sku_has_its_own_id_and_grpc_tells_the_same(client, cloud):
    over_rest = [sku for service in client.list_services() for sku in client.list_skus(parent=service.name)]
    assert len({sku.sku_id for sku in over_rest}) == len(over_rest)
    with grpc.insecure_channel(f"127.0.0.1:{cloud.grpc_port}") as channel:
        other = billing_v1.CloudCatalogClient(transport=CloudCatalogGrpcTransport(channel=channel))
        assert [sku.sku_id for service in other.list_services() for sku in other.list_skus(parent=service.name)] == [
            sku.sku_id for sku in over_rest
        ]


def test_an_unknown_service_is_not_found(client):
    with pytest.raises(exceptions.NotFound):
        list(client.list_skus(parent="services/0000-0000-0000"))
