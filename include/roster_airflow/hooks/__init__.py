"""Hooks, one module per system."""
