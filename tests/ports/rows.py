"""Records for the suites of the store."""

from datetime import UTC, datetime, timedelta

from trivium.core.model.agents import Agent
from trivium.core.model.jobs import Job
from trivium.core.model.runs import InputMessage, Run, RunInput

NOW = datetime(2026, 1, 5, 9, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(seconds=15)


def agent(number: int, organization_id: str = "o1") -> Agent:
    """Return an agent whose id sorts by number."""
    return Agent(
        id=f"{organization_id}-agent-{number:04}",
        organization_id=organization_id,
        name=f"Agent {number}",
        created_at=NOW,
        updated_at=NOW,
        temperature=0.5 if number % 2 else None,
        settings={"list": [1, 2.5, None, "ü\u2028"], "nested": {"is": True}},
    )


def run(run_id: str = "r1", organization_id: str = "o1", conversation_id: str = "c1", **fields: object) -> Run:
    """Return a queued run."""
    return Run(
        id=run_id,
        organization_id=organization_id,
        agent_id="a1",
        conversation_id=conversation_id,
        request_id="",
        channel="api",
        status="queued",
        input=RunInput(messages=(InputMessage(role="user", text="Hi"),)),
        created_at=NOW,
        attempt=0,
        **fields,  # type: ignore[arg-type]
    )


def job(job_id: str, organization_id: str = "o1", **fields: object) -> Job:
    """Return a job that is due."""
    return Job(
        id=job_id,
        organization_id=organization_id,
        name="work",
        created_at=NOW,
        due_at=fields.pop("due_at", NOW),  # type: ignore[arg-type]
        **fields,  # type: ignore[arg-type]
    )
