"""A Clever district over its Data API 3.1: district, schools, terms, courses, users by role, sections.

    objects    which fields of which object are decoded, and no others; the tables they become
    walking    one list of the API from its first page to its end, page by page into Parquet
    reading    extract: every list, and who is missing in them
    proof      what the walks prove: counts, order, state of the district, references, shrinkage
    mapping    to_roster: raw tables → the roster with its lineage

A record is known by Clever's `id`, but terms and courses, whose ids do not last, by what they say (`sources.lessons`).
"""
