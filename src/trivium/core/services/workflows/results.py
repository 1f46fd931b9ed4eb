"""What a run yields, and what of it can be kept."""

from collections.abc import Mapping

from trivium.core.errors import UpstreamFailed
from trivium.core.model.json import JSON
from trivium.core.model.workflows import StepRun
from trivium.core.services.workflows.actions import Done, Outcome
from trivium.core.services.workflows.graph import Graph
from trivium.core.services.workflows.storing import storing_problem


def result_of(graph: Graph, steps: Mapping[str, StepRun]) -> JSON:
    """Return the value of the Output step that ran, an object by key of several, or the last step's value."""
    ran = [step_id for step_id in graph.order if steps.get(step_id) and steps[step_id].status == "succeeded"]
    outputs = [step_id for step_id in ran if graph.by_id[step_id].type == "output"]
    if len(outputs) == 1:
        return steps[outputs[0]].output
    if outputs:
        return {graph.by_id[step_id].key: steps[step_id].output for step_id in outputs}
    return steps[ran[-1]].output if ran else None


def check_size(outcome: Outcome) -> Outcome:
    """Return the outcome, or raise UpstreamFailed for an output that is not JSON or too large to keep."""
    if isinstance(outcome, Done) and outcome.output is not None:
        problem = storing_problem(outcome.output)
        if problem is not None:
            code = "output_too_large" if "longer" in problem else "invalid_output"
            raise UpstreamFailed(f"The step's output {problem}.", code=code)
    return outcome
