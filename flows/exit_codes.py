"""What a command answers to the shell: 0 done, 1 the cloud or a step said no, 2 the input is wrong and nothing was touched, 130 stopped by hand.

Errors of ours are told in their own words, without a traceback.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from ironwood.errors import InputError, IronwoodError


def exit_code(work: Callable[[], object], *, stopped: str) -> int:
    """Do `work`; answers the exit code. `stopped` is what somebody who presses Ctrl-C is told."""
    try:
        work()
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except IronwoodError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(stopped, file=sys.stderr)
        return 130
    return 0
