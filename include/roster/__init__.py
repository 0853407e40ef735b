"""The library: a roster comes in as tables, Canvas's rows, a plan and a ledger go out as tables.

Nothing in here knows Airflow or opens a socket. A run moves one way through the modules: sources → checks → canvas →
evidence, plan, safety → ledger; `steps` joins them into the steps of a night, each from one folder to the next.
"""
