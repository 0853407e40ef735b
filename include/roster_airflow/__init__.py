"""All that touches Airflow or a network: hooks, operators, triggers, links and notifiers in the providers' layout.

Each is a file `<kind>/<system>.py`. What can be decided without either lives in `roster`.
"""
