"""The ledger's book: every stretch once, put right by what the cloud shows; the meter charges what the cloud bills."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from builders import a_price_book, a_profile
from ironwood.cost.leads import STATED, STATED_QUEUED, Lead, ahead_of, lead_of, learned_leads
from ironwood.cost.ledger import Book, Change, Found, Make, Seen, Thing, Vm, read_entry, repairs
from ironwood.cost.meter import peak_hourly_usd, spent, vm_seconds
from ironwood.cost.outlook import outlook
from ironwood.placement import lead_of as stated_lead

MONTH = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
MAKE = Make(
    group="instance_group/zones/us-central1-c/g-001",
    tier="small",
    zone="us-central1-c",
    consumption="on_demand",
    family="tpu7x",
    pod_chips=8,
    chips=4,
    disk_gib=0,
)
RUN = UUID(int=7)


def vm(number: str, begin: float, end: float | None = None, make: Make = MAKE) -> Vm:
    """A VM by hours after the month's beginning."""
    return Vm(id=number, make=make, start=MONTH + begin * HOUR, end=None if end is None else MONTH + end * HOUR)


def change(phase: str, at: float, before: int, after: int, *vms: Vm, attempt: int = 1) -> Change:
    return Change(phase=phase, at=MONTH + at * HOUR, run=RUN, step="s", attempt=attempt, make=MAKE, before=before, after=after, vms=vms)


def seen(at: float, *vms: Vm, ended: dict[str, datetime] | None = None, gone: tuple[Vm, ...] = (), things: tuple[Thing, ...] = ()) -> Seen:
    return Seen(at=MONTH + at * HOUR, vms=vms, ended=ended or {}, gone=gone, things=things)


def test_an_entry_is_read_back_as_it_was_written():
    for entry in (
        change("outcome", 3, 0, 2, vm("1", 1), vm("2", 1, 2)),
        Found(vms=(vm("1", 1, 2),), things=(Thing(address="alert_policy/global/ironwood budget", start=MONTH),)),
    ):
        assert read_entry(entry.at, entry.content()) == entry
        as_a_struct = {**entry.content(), "before": 0.0}  # the log keeps every number as a float
        assert read_entry(entry.at, as_a_struct) == entry
    assert read_entry(MONTH, {"kind": "run"}) is None
    assert read_entry(MONTH, {"kind": "change", "phase": "intent"}) is None


def test_the_same_change_has_the_same_id_and_another_attempt_another():
    first = change("intent", 1, 0, 2)
    assert first.id == replace(first, at=MONTH).id
    assert len({first.id, change("outcome", 1, 0, 2).id, change("intent", 1, 0, 2, attempt=2).id}) == 3
    assert first.key == change("outcome", 9, 0, 2).key


def test_a_stretch_written_twice_is_one_and_the_earliest_end_holds():
    entries = [Found(vms=(vm("1", 1),)), Found(vms=(vm("1", 1, 5),)), Found(vms=(vm("1", 1, 4),)), Found(vms=(vm("1", 1),))]
    assert Book.of(entries).vms == {"1": vm("1", 1, 4)}


def test_a_vm_the_ledger_does_not_know_is_found_and_told():
    mended = repairs(Book(), seen(9, vm("1", 1)), MONTH)
    assert Book().with_found(mended.found).vms == {"1": vm("1", 1)}
    assert mended.told == (
        "1 VMs of instance_group/zones/us-central1-c/g-001 ran and the ledger did not know them; they are counted from when they began",
    )


def test_what_ran_on_from_last_month_is_found_and_nothing_to_tell():
    assert repairs(Book(), seen(9, vm("1", -5)), MONTH).told == ()


def test_an_open_stretch_ends_when_the_cloud_says_it_did():
    book = Book.of([Found(vms=(vm("1", 1), vm("2", 1)))])
    mended = repairs(book, seen(9, vm("2", 1), ended={"1": MONTH + 4 * HOUR}), MONTH)
    assert book.with_found(mended.found).vms["1"].end == MONTH + 4 * HOUR
    assert "are gone and the ledger did not know it" in mended.told[0]
    assert repairs(book.with_found(mended.found), seen(9, vm("2", 1)), MONTH) == replace(mended, found=(), told=())


def test_an_end_nobody_tells_is_counted_for_as_long_as_it_may_have_been():
    unknown = repairs(Book.of([Found(vms=(vm("1", 1),))]), seen(9), MONTH)
    assert unknown.found[0].vms[0].end == MONTH + 9 * HOUR
    shrunk = repairs(Book.of([Found(vms=(vm("1", 1),)), change("intent", 3, 1, 0)]), seen(9), MONTH)
    assert shrunk.found[0].vms[0].end == MONTH + 5 * HOUR
    assert "does not say since when" in shrunk.told[0]


def test_what_a_shrinking_change_let_go_is_nothing_to_tell():
    book = Book.of([Found(vms=(vm("1", 1),)), change("intent", 3.9, 1, 0)])
    assert repairs(book, seen(9, ended={"1": MONTH + 4 * HOUR}), MONTH).told == ()


def test_a_vm_that_came_and_went_between_two_looks_is_counted():
    mended = repairs(Book(), seen(9, gone=(vm("1", 2, 3),)), MONTH)
    assert spent(Book().with_found(mended.found), a_price_book(), MONTH, MONTH + 9 * HOUR).vms_usd == 48


def test_a_thing_deleted_and_made_again_bills_twice_and_not_between():
    rule = "forwarding_rule/global/r"
    entries = [
        Found(things=(Thing(address=rule, start=MONTH),)),
        Found(things=(Thing(address=rule, start=MONTH, end=MONTH + HOUR),)),
        Found(things=(Thing(address=rule, start=MONTH + 3 * HOUR),)),
    ]
    assert spent(Book.of(entries), a_price_book(), MONTH, MONTH + 4 * HOUR).others_usd == 2 * Decimal("0.025")


def test_whole_seconds_and_at_least_a_minute():
    moment = vm("1", 1, 1)
    assert vm_seconds(moment, MONTH, MONTH + 9 * HOUR) == 60
    assert vm_seconds(replace(moment, end=moment.start + timedelta(seconds=70, milliseconds=1)), MONTH, MONTH + 9 * HOUR) == 71
    assert vm_seconds(vm("1", -5, 1), MONTH, MONTH + 9 * HOUR) == 3600
    assert vm_seconds(vm("1", -5, -4), MONTH, MONTH + 9 * HOUR) == 0
    assert vm_seconds(vm("1", 1), MONTH, MONTH + HOUR) == 0


def test_reserved_chips_are_paid_elsewhere():
    reserved = replace(MAKE, consumption="reserved")
    assert spent(Book.of([Found(vms=(vm("1", 0, 1, reserved),))]), a_price_book(), MONTH, MONTH + HOUR).vms_usd == 0


def test_the_peak_is_what_ran_at_once():
    book = Book.of([Found(vms=(vm("1", 0, 2), vm("2", 1, 3), vm("3", 3, 4)))])
    assert peak_hourly_usd(book, a_price_book(), MONTH, MONTH + 9 * HOUR) == 96


def test_leads_are_learned_from_five_growths_on_and_stated_below():
    def grown(number: int, minutes: float) -> list[Change]:
        return [change("intent", number, 0, 2, attempt=number), change("outcome", number + minutes / 60, 0, 2, attempt=number)]

    shrunk = [change("intent", 50, 2, 0, attempt=50), change("outcome", 90, 2, 0, attempt=50)]
    given_up = [change("intent", 60, 0, 2, attempt=60)]
    entries = [each for number in range(1, 6) for each in grown(number, 7 + number)] + shrunk + given_up
    place = ("small", "us-central1-c")
    lead = learned_leads(entries)[place]
    assert (lead.p50, lead.p95, lead.count) == (timedelta(minutes=10), timedelta(minutes=12), 5)
    assert learned_leads(entries[2:]) == {}
    assert lead_of({place: lead}, *place, "on_demand") is lead
    assert lead_of({}, *place, "on_demand") is STATED
    assert lead_of({}, *place, "flex_start") is STATED_QUEUED


def test_windows_start_as_early_as_growth_takes_unless_the_profile_says_how_early():
    lead = Lead(p50=timedelta(minutes=8), p95=timedelta(minutes=31), count=6)
    profile = a_profile("tiers: {medium: {lead_minutes: 5}}\n")
    known = {("small", "us-central1-c"): lead, ("medium", "us-central1-c"): lead}
    assert ahead_of(profile, known) == {"small": timedelta(minutes=31), "medium": timedelta(minutes=5)}
    assert ahead_of(profile, {})["small"] == stated_lead(profile.enabled_tiers["small"])


def test_the_outlook_goes_by_what_is_planned_else_by_the_past_days_else_by_what_runs():
    end = MONTH + timedelta(days=30)

    def at(book: Book, hours: int, **more: object):
        now = MONTH + hours * HOUR
        usd = spent(book, a_price_book(), MONTH, now).total_usd
        return outlook(book, a_price_book(), since=MONTH, now=now, end=end, spent_usd=usd, hourly_usd=Decimal(48), **more)

    days = Book.of([Found(vms=(vm("a", 0, 24), vm("b", 24, 48), vm("c", 24, 48), vm("d", 48)))])
    early = at(days, 12)
    assert early.low_usd < early.forecast_usd == early.high_usd
    past = at(days, 72)
    assert past.basis == "the past 3 days"
    assert past.low_usd < past.forecast_usd < past.high_usd
    planned = at(days, 72, rates=[(MONTH + 72 * HOUR, Decimal(48)), (MONTH + 82 * HOUR, Decimal(0))])
    assert planned.forecast_usd - 480 == at(days, 72, rates=[(MONTH, Decimal(0))]).forecast_usd
    assert past.saved_usd == 2 * 48 * 72 + Decimal("0.0014") * 0 - spent(days, a_price_book(), MONTH, MONTH + 72 * HOUR).total_usd
