"""How is measured: processes that take turns, same-round ratios, floors, the result as a document."""
