"""What happened in an organization, for people."""

from dataclasses import dataclass, field
from datetime import datetime

from trivium.core.model.json import JSONObject


@dataclass(frozen=True, kw_only=True)
class Activity:
    """One line of the activity list: `type` such as "workflow.run", `subject` what it was about."""

    id: str
    organization_id: str
    at: datetime
    type: str
    subject: str
    status: str = ""
    actor: str = ""
    data: JSONObject = field(default_factory=dict)
