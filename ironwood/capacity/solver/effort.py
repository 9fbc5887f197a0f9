"""How hard `solve` tries before it ends by itself; `stop` may end it sooner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Effort:
    """`target_gap`: proven enough. `ascent_steps` of the multipliers. `beam_width` and `beam_labels` of the search for plans. `proof_widths`: labels a
    state that successive certificates keep apart, none for no certificate. `highs_nodes`: branch-and-bound nodes HiGHS may open; 0 leaves a
    budget's plan unpolished.
    """

    target_gap: float
    ascent_steps: int
    beam_width: int
    beam_labels: int
    proof_widths: tuple[int, ...]
    highs_nodes: int


QUICK: Final = Effort(target_gap=1e-3, ascent_steps=60, beam_width=2, beam_labels=60, proof_widths=(), highs_nodes=50)
STANDARD: Final = Effort(
    target_gap=1e-7, ascent_steps=250, beam_width=4, beam_labels=100, proof_widths=(16, 64, 256, 1024), highs_nodes=20_000
)
