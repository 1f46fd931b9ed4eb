"""What a support team works with, put together: workflows, visitors, the inbox, and what is told of them."""

from dataclasses import dataclass

from trivium.core.services.activity import ActivityLog
from trivium.core.services.agent_writing import AgentWriting
from trivium.core.services.announcing import Announcing
from trivium.core.services.appointments.service import Appointments
from trivium.core.services.gate import Gate
from trivium.core.services.handover import Handover
from trivium.core.services.image_search import ImageSearch
from trivium.core.services.inbox import Inbox
from trivium.core.services.run_driver import RunDriver
from trivium.core.services.visitors import Visitors
from trivium.core.services.webhooks import Webhooks
from trivium.core.services.workflows.assembly import Needs, assemble
from trivium.core.services.workflows.service import Workflows
from trivium.core.services.workflows.timetable import Timetable


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The services, wired."""

    workflows: Workflows
    timetable: Timetable
    announcing: Announcing
    visitors: Visitors
    inbox: Inbox
    activity: ActivityLog
    agent_writing: AgentWriting
    appointments: Appointments


def wire_desk(needs: Needs, *, webhooks: Webhooks, run_driver: RunDriver, gate: Gate) -> Desk:
    """Return the services; the ends of runs are told from now on, and agents may hand over."""
    store, clock = needs.store, needs.clock
    workflows, timetable, driver = assemble(needs)
    announcing = Announcing(clock=clock, webhooks=webhooks, start_runs=workflows.start_on_event)
    run_driver.finish_hooks.append(announcing.run_finished)
    driver.finish_hooks.append(announcing.workflow_run_finished)
    workflows.write_hooks.append(announcing.workflow_written)
    needs.tools.add_host(Handover(store=store, announcing=announcing))
    appointments = Appointments(store=store, clock=clock, announcing=announcing)
    needs.tools.add_host(appointments)
    needs.tools.add_host(ImageSearch(store=store))
    return Desk(
        workflows=workflows,
        timetable=timetable,
        announcing=announcing,
        visitors=Visitors(store=store, clock=clock, runs=needs.runs, announcing=announcing, gate=gate),
        inbox=Inbox(store=store, clock=clock, announcing=announcing),
        activity=ActivityLog(store=store, clock=clock),
        agent_writing=AgentWriting(store=store, clock=clock, announcing=announcing),
        appointments=appointments,
    )
