import numpy as np
import pytest

from ironwood.capacity.throughput import LLAMA_70B_TPU7X, Throughput, Work, in_doubt, pod_capacity
from ironwood.errors import ProblemError


def test_a_pod_serves_its_chips_with_the_doubt_kept():
    pod = pod_capacity(name="small", chips=256, throughput=LLAMA_70B_TPU7X, efficiency=1.05)
    assert (pod.low_units, pod.likely_units, pod.high_units) == pytest.approx((256 * 787.5, 256 * 1575, 256 * 3150))


def test_requests_and_the_tokens_they_are_made_of_are_the_same_demand():
    work = Work(input_tokens_per_request=800, output_tokens_per_request=200, input_cost=0.1)
    requests = np.array([3000.0, 0.0])
    by_tokens = work.from_tokens(input_tokens=requests * 800, output_tokens=requests * 200, bin_minutes=5)
    assert list(work.tokens_per_second(requests=requests, bin_minutes=5)) == pytest.approx(list(by_tokens))
    assert by_tokens[0] == pytest.approx(3000 * 280 / 300)


def test_doubt_about_throughput_is_the_same_in_every_bin_and_brackets_the_likely():
    units, weights = in_doubt(np.array([100.0, 200.0]), LLAMA_70B_TPU7X, draws=9)
    assert units.shape == (2, 9)
    assert weights.sum() == pytest.approx(1)
    assert list(units[1]) == pytest.approx(list(2 * units[0]))
    assert units[0].max() <= 100 * 1500 / 750
    assert units[0].min() >= 100 * 1500 / 3000
    assert np.median(units[0]) == pytest.approx(100)


def test_without_doubt_demand_stays_as_it_is():
    units, _ = in_doubt(np.array([100.0]), Throughput(low=5, likely=5, high=5), draws=3)
    assert list(units[0]) == pytest.approx([100] * 3)


@pytest.mark.parametrize("bounds", [(0, 1, 2), (2, 1, 3), (1, 2, float("inf"))])
def test_a_range_out_of_order_is_refused(bounds):
    with pytest.raises(ProblemError, match="low <= likely <= high"):
        Throughput(low=bounds[0], likely=bounds[1], high=bounds[2])
