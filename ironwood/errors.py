"""Every error of ours, named for the caller's next move.

IronwoodError
├── InputError              change what you typed, nothing has been touched
│   ├── ProfileError          a profile, price book or flag: file, line, key
│   ├── TraceError            a demand trace: file, line
│   └── ProblemError          a capacity problem: malformed or infeasible
├── PlanError               the plan cannot be made as things stand
│   └── UnownedError          something not ours stands in the way
├── PreflightError          the cloud would refuse: each finding with its remedy
├── StateError              the state object cannot be read by this version, or is damaged
├── LedgerError             the ledger cannot be written, so nothing may grow
├── BudgetError             the budget does not leave the money
├── ApprovalError           a person said no, did not answer, or agreed to something else
├── CloudError              Google answered no
│   ├── TransientError        ask again
│   ├── QuotaError            ask for more quota, or for less capacity
│   ├── PermissionDeniedError grant the permission
│   │   └── HiddenError         a kind may not even be listed
│   ├── ApiDisabledError      enable the API
│   ├── QuotaProjectError     name a project that is charged for requests
│   ├── ConflictError         somebody else changed it: observe again
│   ├── InUseError            something still refers to it
│   ├── HeldError             Google still uses it and lets go by itself, hours later perhaps
│   ├── NotFoundError         it is not there
│   ├── RefusedError          the request itself is wrong: a defect of ours or of the profile
│   ├── StockoutError         no progress by the deadline: try another option
│   └── LeaseError            what would stop the billing does not reach it: nothing was grown
├── UnreachableError        the cloud cannot be reached at all
├── ProbeError              it exists and does not serve
├── DiagnosisError          something is wrong that a person has to see to
└── UnfinishedError         some steps did not complete: run again
    ├── WaitingError          only what Google still holds is left: run again later
    └── OutOfStockError       because groups got no VMs by their deadline: order elsewhere
"""

from __future__ import annotations


class IronwoodError(Exception):
    """Base of all errors a user may see; its text says where, what, and what would do."""


class InputError(IronwoodError):
    """What the user gave cannot be used; nothing was changed."""


class ProfileError(InputError):
    """A profile, price book or flag is wrong."""


class TraceError(InputError):
    """A demand trace is wrong."""


class ProblemError(InputError):
    """A capacity problem is malformed or infeasible."""


class PlanError(IronwoodError):
    """The plan cannot be made as things stand."""


class UnownedError(PlanError):
    """Objects that are not ours carry names we need; none of them was touched."""


class PreflightError(IronwoodError):
    """The cloud would refuse this plan; every finding says what would do."""


class StateError(IronwoodError):
    """The state object cannot be read."""


class LedgerError(IronwoodError):
    """The ledger cannot be written; growth is blocked, shrinking is not."""


class BudgetError(IronwoodError):
    """What would grow costs more than the budget leaves."""


class ApprovalError(IronwoodError):
    """A person has to agree to this plan and has not."""


class CloudError(IronwoodError):
    """Google Cloud refused a request."""


class TransientError(CloudError):
    """The same request may succeed later."""


class QuotaError(CloudError):
    """A quota is exhausted."""


class PermissionDeniedError(CloudError):
    """The account lacks a permission."""


class HiddenError(PermissionDeniedError):
    """The account may not list a kind, so nobody can say what there is of it."""


class ApiDisabledError(CloudError):
    """The API is not enabled in the project."""


class QuotaProjectError(CloudError):
    """No project is charged for requests, or one the account may not use."""


class ConflictError(CloudError):
    """The object changed since it was read, or exists already."""


class InUseError(CloudError):
    """Another resource still refers to it."""


class HeldError(CloudError):
    """Google itself still uses it and lets it go by itself: minutes, hours, days later."""


class NotFoundError(CloudError):
    """The object does not exist."""


class RefusedError(CloudError):
    """The request is invalid as it stands."""


class StockoutError(CloudError):
    """Capacity made no progress by its deadline (ours: Google keeps trying)."""


class LeaseError(CloudError):
    """The job that would empty a group when nobody of ours lives does not reach it."""


class UnreachableError(IronwoodError):
    """The cloud cannot be reached."""


class ProbeError(IronwoodError):
    """A resource exists and does not do its work."""


class DiagnosisError(IronwoodError):
    """Something is wrong that a person has to see to; the findings say what would do."""


class UnfinishedError(IronwoodError):
    """Some steps did not complete; running again finishes them."""


class WaitingError(UnfinishedError):
    """All that is left is what Google still holds and what hangs on it; it costs nothing. Running again later finishes it."""


class OutOfStockError(UnfinishedError):
    """Groups got no VMs by their deadline: `groups` by name; `others` tells that further steps failed for other reasons."""

    def __init__(self, message: str, *, groups: tuple[str, ...], others: int) -> None:
        super().__init__(message)
        self.groups = groups
        self.others = others
