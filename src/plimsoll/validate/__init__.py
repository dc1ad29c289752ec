"""Did the margin cover: backtests of coverage and shortfall, procyclicality, and the disclosure that says so."""
