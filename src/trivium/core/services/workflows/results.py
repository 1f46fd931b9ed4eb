"""What a run yields, and how large the output of a step may be."""

import json
from collections.abc import Mapping

from trivium.core.errors import UpstreamFailed
from trivium.core.model.json import JSON
from trivium.core.model.workflows import StepRun
from trivium.core.services.workflows.actions import Done, Outcome
from trivium.core.services.workflows.graph import Graph

OUTPUT_CHARS_MAX = 1_000_000


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
        try:
            size = len(json.dumps(outcome.output, allow_nan=False))
        except (TypeError, ValueError, RecursionError) as error:
            raise UpstreamFailed("The step's output is not JSON.", code="invalid_output") from error
        if size > OUTPUT_CHARS_MAX:
            message = f"The step's output is longer than {OUTPUT_CHARS_MAX} characters."
            raise UpstreamFailed(message, code="output_too_large")
    return outcome
