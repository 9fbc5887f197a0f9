"""Protection from deletion: of what a profile is made of Google can protect nothing, so teardown itself asks once more and lifts it as a step of its own."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from ironwood.errors import InputError
from ironwood.profile import Profile
from ironwood.profile_security import is_protected
from tasks import report


@task(name="lift protection", task_run_name="lift the protection of {profile.name}", cache_policy=NO_CACHE, persist_result=False)
def lift(profile: Profile, given: str) -> None:
    """Nothing for a profile that is not protected; raises InputError unless `given` is the name of one that is."""
    if not is_protected(profile):
        return
    if given != profile.name:
        raise InputError(
            f"profile {profile.name} is protected from deletion (environment {profile.environment}); nothing was changed. "
            f"Lift it for this run with --lift-protection {profile.name} beside --confirm {profile.name}, "
            "or for good with `security: {deletion_protection: false}`"
        )
    report.say("protection", f"lifted for this run: profile {profile.name} is about to be deleted")
