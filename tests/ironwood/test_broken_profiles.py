"""Each broken profile of tests/data/broken_profiles is refused in the words written beside it: file, line, value, remedy."""

from pathlib import Path

import pytest

from ironwood.errors import ProfileError
from ironwood.profile import parse_profile

FOLDER = Path(__file__).resolve().parents[1] / "data" / "broken_profiles"
BROKEN = sorted(FOLDER.glob("*.yaml"))


def test_there_are_at_least_thirty():
    assert len(BROKEN) >= 30


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_broken_profile_is_refused_with_file_line_value_and_remedy(path: Path):
    with pytest.raises(ProfileError) as refused:
        parse_profile(path.read_text(), source=path.name, environment={})
    assert str(refused.value) + "\n" == path.with_suffix(".expected").read_text()


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_every_error_begins_with_the_file_and_a_line_of_it(path: Path):
    lines = len(path.read_text().splitlines())
    with pytest.raises(ProfileError) as refused:
        parse_profile(path.read_text(), source=path.name, environment={})
    for told in str(refused.value).splitlines():
        name, _, rest = told.partition(":")
        assert name == path.name
        assert 1 <= int(rest.partition(" ")[0]) <= max(1, lines) + 1
