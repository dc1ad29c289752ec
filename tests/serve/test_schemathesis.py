"""The description against the running service: generated calls of every operation, and no fault of the service."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings

from served import Served

schemathesis = pytest.importorskip("schemathesis")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def test_generated_calls_find_no_fault(house: Served) -> None:
    from schemathesis import checks

    schema = schemathesis.openapi.from_url(f"{house.url}/v1/openapi.json")
    asked = 0
    kept = settings(
        max_examples=8,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    chosen = (
        checks.not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
    )
    for result in schema.get_all_operations():
        operation = result.ok()

        def call(case: object) -> None:
            nonlocal asked
            # names that are there, every other time: else nearly everything is 404
            if asked % 2 and "account" in (case.path_parameters or {}):  # type: ignore[attr-defined]
                case.path_parameters["account"] = "south account 1"  # type: ignore[attr-defined]
            answer = case.call(headers=house.headers("south admin"), timeout=60.0)  # type: ignore[attr-defined]
            if answer.status_code in (503, 504):
                return  # too much at once is an answer
            case.validate_response(answer, checks=list(chosen))  # type: ignore[attr-defined]
            asked += 1

        _run(operation, call, kept)
    assert asked > 200
    assert house.service.tenants["south"].live.failure is None


def _run(operation: object, call: object, kept: settings) -> None:
    from hypothesis import given

    kept(given(case=operation.as_strategy())(lambda case: call(case)))()  # type: ignore[attr-defined,operator]
