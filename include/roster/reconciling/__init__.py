"""What Canvas really has, from its own account report, against what the ledger says that it has.

`reports` reads the report, `there` makes rows of Canvas's SIS files of it, `comparison` compares, and `outcome` says
what the ledger is afterwards. A further file of roster/canvas needs its lines in `there` and `comparison`.
"""
