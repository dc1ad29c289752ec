"""The house's own models."""

MODELS = {"prbm": "prbm:Prbm", "dsa": "dsa:Dsa"}
