"""The only list of background work: what each job's name stands for."""

from trivium.core.services.deliveries import JOB as DELIVERY_SEND
from trivium.core.services.deliveries import Deliveries
from trivium.core.services.jobs import JobKind, Jobs
from trivium.core.services.knowledge import INDEX_JOB, Knowledge


def job_kinds(*, jobs: Jobs, deliveries: Deliveries, knowledge: Knowledge) -> tuple[JobKind, ...]:
    """Return every kind of job, for `Jobs.register`."""
    return (
        JobKind(name=DELIVERY_SEND, run=deliveries.send, attempts_max=20, timeout_s=30.0),
        JobKind(name="deliveries.purge", run=deliveries.purge, every_s=3600.0),
        JobKind(name=INDEX_JOB, run=knowledge.index, attempts_max=3, timeout_s=3600.0),
        JobKind(name="jobs.purge", run=jobs.purge, every_s=3600.0),
    )
