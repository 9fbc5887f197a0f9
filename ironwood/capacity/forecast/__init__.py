"""Probabilistic forecasts of demand, learnt and calibrated online: scenario paths, not points."""
