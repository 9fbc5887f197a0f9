"""Zonal managed instance groups and their VMs."""
