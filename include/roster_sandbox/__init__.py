"""Servers that stand in for the systems around a roster sync, so that it can be run and tested without them.

One package per system. Each answers over a real socket, fails for the reasons the real one fails, can be told to fail
on demand, and knows nothing of the code that talks to it: nothing in here imports `roster` or `roster_airflow`.
To add one: a package with its server, a subcommand in `cli.py`, a page in the docs that lists what it cannot know.
"""
