"""A OneRoster provider over its REST service, 1.1 or 1.2: the whole of every list, every night.

`service` is what a hook supplies, `objects` what of an object is kept, `paging` one list and `walking` all of them,
`proof` what that proves.
"""
