"""OneRoster's CSV binding, 1.1 and 1.2: a manifest and the files of rostering, all of it or what has changed.

columns    which columns of which file are read, and no others: never a password, never demographics
manifest   what the set says of itself, and where it contradicts that
reading    extract: the files become raw tables, with what they prove
deltas     changes laid over what was read last
proof      whether what is absent is gone: control file, shrinkage; what the set says nothing about
mapping    to_roster, which `oneroster_mapping` does for files and API alike
"""
