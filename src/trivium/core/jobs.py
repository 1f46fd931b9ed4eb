"""The only list of background work: what each job's name stands for."""

from trivium.core.services.jobs import JobKind, Jobs


def job_kinds(*, jobs: Jobs) -> tuple[JobKind, ...]:
    """Return every kind of job, for `Jobs.register`."""
    return (JobKind(name="jobs.purge", run=jobs.purge, every_s=3600.0),)
