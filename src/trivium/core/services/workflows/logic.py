"""Steps that only compute or wait: they have no effect outside and are evaluated in place."""

from collections.abc import Mapping
from datetime import timedelta
from typing import cast

from trivium.core.errors import Gone, InvalidRequest
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.workflows import Step, StepType, WorkflowRun
from trivium.core.ports import Clock
from trivium.core.services.workflows import expressions, templates
from trivium.core.services.workflows.actions import Call, Done, Outcome, Wait
from trivium.core.services.workflows.combinations import DELAY_MAX
from trivium.core.services.workflows.inputs import field_of, type_problem
from trivium.core.services.workflows.storing import storing_problem

PURE: frozenset[StepType] = frozenset({"input", "output", "transform", "condition"})
_DELAY_S_MAX = DELAY_MAX.total_seconds()
_EXPIRES_S = 7 * 86_400.0


def pure(step: Step, run: WorkflowRun, scope: Mapping[str, JSON]) -> Done:
    """Return the value of a step that needs nothing but what is there; InvalidRequest when it cannot be made."""
    if step.type == "input":
        return Done(output=run.inputs.get(field_of(step)))
    if step.type == "output":
        return Done(output=templates.render(step.config.get("value"), scope))
    if step.type == "transform":
        expression = step.config.get("expression")
        if isinstance(expression, str):
            return Done(output=expressions.evaluate(expression, scope))
        return Done(output=templates.render(step.config.get("template"), scope))
    return _condition(step, scope)


class Pauses:
    """Delays and forms."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    async def delay(self, call: Call) -> Outcome:
        """Wait until a time that is fixed when the step begins."""
        now = self._clock.now()
        if call.due_at is not None:
            return Done() if call.due_at <= now else Wait(due_at=call.due_at, data=call.data)
        seconds = _number(call.config.get("seconds"))
        return Done() if seconds == 0 else Wait(due_at=now + timedelta(seconds=seconds), data={"seconds": seconds})

    async def human(self, call: Call) -> Outcome:
        """Wait for a person to fill in a form; when it expires the branch "expired" is taken, or the step fails."""
        if "answer" in call.data:
            return Done(output=call.data["answer"])
        now = self._clock.now()
        if call.due_at is None:
            expires_s = cast("float", call.config.get("expires_in_seconds") or _EXPIRES_S)
            form: JSONObject = {name: call.config.get(name) for name in ("title", "description", "fields")}
            return Wait(due_at=now + timedelta(seconds=expires_s), data={"form": form})
        if call.due_at > now:
            return Wait(due_at=call.due_at, data=call.data)
        if "expired" in call.branches:
            return Done(branch="expired", data=call.data)
        raise Gone("Nobody answered in time.", code="expired")


def check_answer(form: JSONObject, values: JSONObject) -> JSONObject:
    """Return what a person may have filled in; InvalidRequest, naming the field, for anything else."""
    problem = storing_problem(values)
    if problem is not None:
        raise InvalidRequest(f"The answer {problem}.", code="invalid_form", details={"place": "values"})
    fields = form.get("fields") or []
    if not isinstance(fields, list) or not fields:
        return values
    known = {str(field["name"]): field for field in fields if isinstance(field, dict)}
    for name in values:
        if name not in known:
            raise InvalidRequest(f"The form has no field {name!r}.", code="invalid_form", details={"place": name})
    for name, field in known.items():
        value = values.get(name)
        if value is None and field.get("required"):
            raise InvalidRequest(f"{name} is needed.", code="invalid_form", details={"place": name})
        options = field.get("options")
        if value is not None and isinstance(options, list) and value not in options:
            raise InvalidRequest(f"{name} must be one of the options.", code="invalid_form", details={"place": name})
        problem = None if value is None else type_problem(value, field.get("type"))
        if problem is not None:
            raise InvalidRequest(f"{name} {problem}.", code="invalid_form", details={"place": name})
    return values


def _condition(step: Step, scope: Mapping[str, JSON]) -> Done:
    cases = step.config.get("cases")
    if isinstance(cases, list):
        for case in cases:
            assert isinstance(case, dict)  # noqa: S101 - checked when the workflow was saved
            if expressions.evaluate(str(case["expression"]), scope):
                return Done(output=case["name"], branch=str(case["name"]))
        return Done(output="else", branch="else")
    value = bool(expressions.evaluate(str(step.config["expression"]), scope))
    return Done(output=value, branch="true" if value else "false")


def _number(value: JSON) -> float:
    try:
        seconds = float(cast("float", value))
    except (TypeError, ValueError) as error:
        raise InvalidRequest("seconds must be a number.", code="invalid_template") from error
    if not 0 <= seconds <= _DELAY_S_MAX:
        raise InvalidRequest(f"A delay lasts 0 to {_DELAY_S_MAX:g} seconds.", code="invalid_template")
    return seconds
