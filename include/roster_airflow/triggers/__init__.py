"""Triggers: what waits in the triggerer, which finds them by PYTHONPATH and never loads a DAG folder."""
