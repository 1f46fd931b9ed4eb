"""Between the contract's documents and our configurations: pure, both directions."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from pydantic import ValidationError

from trivium.contracts import http
from trivium.contracts.wizchat import shapes, shapes_config
from trivium.contracts.wizchat.names import FIELDS, SECTION_NAMES, WIRE_SECTIONS
from trivium.core.errors import CoreError, InvalidRequest
from trivium.core.model.config import ApplyResult, Op, Plan, Sections

JSONObject = dict[str, Any]


def read_document(body: object) -> tuple[JSONObject, bool | None]:
    """Return our sections and the document's own `prune` of an apply's body. InvalidRequest names every wrong field.

    Closed: `_omittedSections` and `dryRun` are refused like any unknown key, because a caller who believes in a body's
    `dryRun` would write for real.
    """
    if isinstance(body, dict) and "_omittedSections" in body:
        raise http.invalid_fields(
            [{"field": "_omittedSections", "message": "This is only for reading.", "type": "extra_forbidden"}]
        )
    check(shapes_config.ChatbotConfigDocument, body)
    document = cast(JSONObject, body)
    return read_sections(document["spec"]), document.get("prune")


def check(model: type[shapes.Closed] | type[shapes.Open], body: object) -> None:
    """Raise InvalidRequest with every field that does not fit the shape."""
    try:
        model.model_validate(body)
    except ValidationError as error:
        raise http.invalid_fields(http.field_errors(error.errors())) from error


def read_sections(spec: Mapping[str, Any]) -> JSONObject:
    """Return sections in our words; absent and null ones are left out."""
    result: JSONObject = {}
    for name, content in spec.items():
        if content is not None:
            ours = SECTION_NAMES[name]
            result[ours] = read_section(ours, content)
    return result


def read_section(section: str, content: Any) -> Any:
    """Return the content of one of our sections out of the contract's words."""
    result = FIELDS[section].into_core(content, f"spec.{WIRE_SECTIONS[section]}")
    if section == "agent" and isinstance(result.get("protected"), list):
        result["protected"] = [_protected_into_core(entry) for entry in result["protected"]]
    return result


def show_section(section: str, content: Any) -> Any:
    """Return the content of one of our sections in the contract's words."""
    result = FIELDS[section].into_wire(content)
    if section == "agent" and isinstance(result.get("x-protect"), list):
        protected = [_protected_into_wire(entry) for entry in result["x-protect"]]
        result["x-protect"] = protected
        if not protected:
            del result["x-protect"]
    return result


def show_document(
    sections: Sections, *, omitted: Sequence[str] = (), has_jwt_secret: bool | None = None, is_export: bool = True
) -> JSONObject:
    """Return the document of a configuration, sections in the order of the contract."""
    spec = {theirs: show_section(ours, sections[ours]) for theirs, ours in SECTION_NAMES.items() if ours in sections}
    if has_jwt_secret is not None and "accessProtection" in spec:
        jwt = spec["accessProtection"].get("jwtConfig") or {}
        spec["accessProtection"]["jwtConfig"] = {**jwt, "hasSecret": has_jwt_secret}
    document: JSONObject = {"apiVersion": "v1", "kind": "ChatbotConfig", "spec": spec}
    if is_export:
        document["_omittedSections"] = [WIRE_SECTIONS[section] for section in omitted]
    return document


def show_op(op: Op) -> JSONObject:
    """Return one line of a plan."""
    shown: JSONObject = {"section": WIRE_SECTIONS[op.section], "action": op.action}
    if op.key is not None:
        shown["key"] = op.key
    if op.before is not None:
        shown["before"] = show_section(op.section, op.before)
    if op.after is not None:
        shown["after"] = show_section(op.section, op.after)
    if op.action == "update":
        shown["changedFields"] = sorted(FIELDS[op.section].wire_name(name) for name in op.changed_fields)
    return shown


def show_plan(plan: Plan) -> JSONObject:
    """Return a plan with its counts."""
    summary = {
        "create": plan.count("create"),
        "update": plan.count("update"),
        "delete": plan.count("delete"),
        "noop": plan.count("noop"),
    }
    return {"ops": [show_op(op) for op in plan.ops], "summary": summary}


def show_result(result: ApplyResult, config: JSONObject | None) -> JSONObject:
    """Return what an apply did; `config` is the document afterwards as far as the caller may see it."""
    shown: JSONObject = {"dryRun": result.is_dry_run, "plan": show_plan(result.plan)}
    if result.is_dry_run:
        return shown
    shown["applied"] = [_show_applied(op) for op in result.done]
    shown["failed"] = None
    if result.failed is not None:
        error = result.failed.error
        shown["failed"] = {
            "op": show_op(result.failed.op),
            "status": http.status_of(error),
            "code": error.code,
            "message": plain_message(error),
        }
    shown["config"] = config
    return shown


def plain_message(error: CoreError) -> str:
    """Return the message with the contract's nouns for ours."""
    message = error.message
    for ours, theirs in (("agent", "chatbot"), ("Agent", "Chatbot"), ("collection", "scope")):
        message = message.replace(f"{ours} ", f"{theirs} ")
    return message


def place_of(details: Mapping[str, object]) -> str | None:
    """Return where in the document something is wrong, such as `spec.skills[1].name`, from a core error's details."""
    section = details.get("section")
    if not isinstance(section, str) or section not in WIRE_SECTIONS:
        return None
    path = f"spec.{WIRE_SECTIONS[section]}"
    index, key, field = details.get("index"), details.get("key"), details.get("field")
    if isinstance(index, int):
        path += f"[{index}]"
    elif isinstance(key, str):
        path += f"[{key}]"
    return f"{path}.{FIELDS[section].wire_name(field)}" if isinstance(field, str) else path


def etag(version: int) -> str:
    """Return the strong validator of a configuration: its version, which every write of it moves."""
    return f'"v{version}"'


def read_etag(header: str | None) -> int | None:
    """Return the version an `If-Match` names; None for `*` and for no header, -1 for what we never issued."""
    if header is None or header.strip() == "*":
        return None
    text = header.strip()
    if text.startswith('"v') and text.endswith('"') and text[2:-1].isdigit() and len(text) < 24:
        return int(text[2:-1])
    # What we never issued matches nothing: that is a failed precondition, not a mistake of form.
    return -1


def document_hash(body: object) -> str:
    """Return a hash of a document that does not depend on the order of its keys."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def time_text(at: datetime | None) -> str | None:
    """Return an instant with its zone."""
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def without_nones(value: JSONObject) -> JSONObject:
    """Return the object without fields that say nothing."""
    return {name: content for name, content in value.items() if content is not None}


def _show_applied(op: Op) -> JSONObject:
    shown: JSONObject = {"section": WIRE_SECTIONS[op.section], "action": op.action}
    if op.key is not None:
        shown["key"] = op.key
    if op.action == "noop":
        shown["noop"] = True
    return shown


def _protected_into_core(entry: Any) -> Any:
    if not isinstance(entry, str):
        return entry
    if entry == "chatbot":
        return "agent"
    section, slash, key = entry.partition("/")
    if section not in SECTION_NAMES:
        raise InvalidRequest(f"{entry!r} names no section.", details={"section": "agent", "field": "protected"})
    return f"{SECTION_NAMES[section]}{slash}{key}"


def _protected_into_wire(entry: str) -> str:
    section, slash, key = entry.partition("/")
    return "chatbot" if entry == "agent" else f"{WIRE_SECTIONS.get(section, section)}{slash}{key}"
