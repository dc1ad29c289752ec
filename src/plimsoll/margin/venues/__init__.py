"""One folder for each venue, found by being there.

A folder's `__init__` holds `MODELS`, the model names that its packs use with the module and class that compute each,
and nothing that takes time to import. `WORDS`, if there, says what its parameters are called, their unit and which way
is stricter (see `plimsoll.margin.changes.wording`). `packs` beside it holds the dated parameters.
"""
