"""The only list of background work: what each job's name stands for."""

from trivium.core.reconcile.management import Management
from trivium.core.reconcile.sections import DISCOVER_JOB
from trivium.core.services.agent_removal import AGENT_JOB, AgentRemoval
from trivium.core.services.budgets import Budgets
from trivium.core.services.deliveries import JOB as DELIVERY_SEND
from trivium.core.services.deliveries import Deliveries
from trivium.core.services.indexing import FETCH_JOB, INDEX_JOB, RECODE_JOB, Indexing
from trivium.core.services.jobs import JobKind, Jobs
from trivium.core.services.listening import Listening
from trivium.core.services.once import Once
from trivium.core.services.removal import PICTURES_JOB, Removal
from trivium.core.services.retaining import RETAIN_JOB, Retaining
from trivium.core.services.telemetry import FORGET_JOB
from trivium.core.services.unanswered import UNANSWERED_JOB, Unanswered


def job_kinds(
    *,
    jobs: Jobs,
    deliveries: Deliveries,
    listening: Listening,
    indexing: Indexing,
    unanswered: Unanswered,
    management: Management,
    retaining: Retaining,
    once: Once,
    removal: Removal,
    agent_removal: AgentRemoval,
    budgets: Budgets,
) -> tuple[JobKind, ...]:
    """Return every kind of job, for `Jobs.register`."""
    return (
        JobKind(name=DELIVERY_SEND, run=deliveries.send, attempts_max=20, timeout_s=30.0),
        JobKind(name="deliveries.purge", run=deliveries.purge, every_s=3600.0),
        JobKind(name="listeners.purge", run=listening.purge, every_s=300.0),
        JobKind(name=INDEX_JOB, run=indexing.index, attempts_max=3, timeout_s=3600.0),
        JobKind(name=FETCH_JOB, run=indexing.fetch, attempts_max=4, timeout_s=3600.0),
        JobKind(name=RECODE_JOB, run=indexing.recode, timeout_s=3600.0, every_s=600.0),
        JobKind(name=UNANSWERED_JOB, run=unanswered.note, attempts_max=3, timeout_s=60.0),
        JobKind(name=DISCOVER_JOB, run=management.capabilities.run_discovery, attempts_max=3, timeout_s=60.0),
        JobKind(name=FORGET_JOB, run=management.forgetting.run, timeout_s=3600.0, every_s=86_400.0),
        JobKind(name=RETAIN_JOB, run=retaining.retain, attempts_max=3, timeout_s=120.0),
        JobKind(name=PICTURES_JOB, run=removal.pictures, attempts_max=5, timeout_s=300.0),
        JobKind(name=AGENT_JOB, run=agent_removal.run, timeout_s=3600.0),
        JobKind(name="once.purge", run=once.purge, every_s=3600.0),
        JobKind(name="budgets.purge", run=budgets.purge, every_s=86_400.0),
        JobKind(name="jobs.purge", run=jobs.purge, every_s=3600.0),
    )
