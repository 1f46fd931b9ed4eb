"""The client's models hold what the server's own OpenAPI document says, field by field."""

from typing import Any

import pytest

from tests.docs.conftest import DemoServer, demo_server  # noqa: F401
from trivium_client import WizChat
from trivium_client.models import wizchat as models

pytestmark = [pytest.mark.server, pytest.mark.timeout(180)]
NAMES = (
    "ApplyResult ChatbotConfigDocument OAuthClient OAuthTokenResponse PublicAccessLists PublicAccessProtectionConfig "
    "PublicChatbot PublicCostAnalytics PublicDeployment PublicDocument PublicDomainStatus PublicExternalApiConfig "
    "PublicMcpServer PublicScope PublicSkill PublicTelemetry PublicUsageAnalytics PublicVideo Spec UsageSummary"
).split()


@pytest.fixture(scope="module")
def schemas(demo_server: DemoServer) -> Any:  # noqa: F811
    environment = demo_server.environment
    with WizChat(environment["WIZCHAT_API_KEY"], environment["WIZCHAT_BASE_URL"]) as client:
        document: Any = client.openapi()
    return document["components"]["schemas"]


@pytest.mark.parametrize("name", NAMES)
def test_model_has_every_field_of_the_description(schemas, name: str) -> None:
    model = getattr(models, name)
    ours = {field.validation_alias or field_name for field_name, field in model.model_fields.items()}
    assert set(schemas[name]["properties"]) <= ours


@pytest.mark.parametrize("name", ["PublicMcpServer", "PublicSkill", "PublicScope", "Spec", "PublicTelemetry"])
def test_closed_shape_has_no_field_of_its_own(schemas, name: str) -> None:
    ours = {field.validation_alias or field_name for field_name, field in getattr(models, name).model_fields.items()}
    assert ours <= set(schemas[name]["properties"])
