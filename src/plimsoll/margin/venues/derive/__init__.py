"""Derive: the standard manager SRM, portfolio margin in two versions (PMRM, PMRM_2) and the liquidation auction."""

MODELS = {
    "derive-srm": "srm:Srm",
    "derive-pmrm1": "pmrm1:Pmrm1",
    "derive-pmrm2": "pmrm2:Pmrm2",
}
