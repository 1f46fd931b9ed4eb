"""Whatever fits, or nearly fits, the published descriptions never makes the server fail, or answer otherwise."""

import os

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import response_schema_conformance

from tests.contracts.site import Site

EXAMPLES = int(os.environ.get("TRIVIUM_TEST_EXAMPLES", "3"))
EVENTS = "text/event-stream"
WIZCHAT = ("/api/v1/chatbots", "/api/v1/usage", "/api/v1/oauth", "/api/v1/openapi")


@pytest.mark.timeout(600)
def test_no_input_makes_the_server_fail(site: Site) -> None:
    organization = site.organization()
    site.make_default(site.agent(organization))
    wabee = {"x-wabee-access": site.key(organization)}
    wisebot = {"Authorization": f"Bearer {site.key(organization, 'wisebot')}"}
    wizchat = {"Authorization": f"Bearer {site.key(organization, 'wizchat')}"}
    failed: list[str] = []

    def try_case(case: Case) -> None:
        headers = wabee if case.path.startswith(("/core", "/agents")) else wisebot
        answer = case.call(headers=wizchat if case.path.startswith(WIZCHAT) else headers, timeout=30)
        if answer.status_code >= 500:
            failed.append(f"{case.method} {case.path}: {answer.status_code} for {case.body!r:.300} {case.query!r:.200}")
        if EVENTS not in answer.headers.get("content-type", [""])[0]:
            try:
                case.validate_response(answer, checks=[response_schema_conformance])
            except FailureGroup as group:
                failed.append(f"{case.method} {case.path}: {answer.status_code} {group.exceptions[0]}"[:1000])

    schemas = [
        schemathesis.openapi.from_url(f"{site.url}/openapi.json"),
        schemathesis.openapi.from_url(f"{site.url}/api/v1/openapi.json", headers=wizchat),
    ]
    found = [one for schema in schemas for one in schema.get_all_operations()]
    operations = [one.ok() for one in found if isinstance(one, Ok)]
    assert len(operations) == len(found)
    for operation in operations:
        limits = settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        limits(given(case=operation.as_strategy())(try_case))()
    assert len(operations) > 180
    assert failed == []
