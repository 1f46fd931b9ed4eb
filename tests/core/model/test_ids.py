"""Ids tell in which order they were made."""

import re
import uuid
from concurrent.futures import ThreadPoolExecutor

from trivium.core.model.ids import new_id, new_uuid


def test_ids_come_in_the_order_in_which_they_are_made() -> None:
    for make in (lambda: new_id("x"), new_uuid):
        made = [make() for _ in range(20_000)]
        assert made == sorted(made)
        assert len(set(made)) == len(made)


def test_threads_never_make_the_same_id() -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: new_id("x"), range(20_000)))
    assert len(set(made)) == len(made)


def test_ids_have_their_promised_form() -> None:
    assert re.fullmatch(r"run_[0-9a-f]{31}", new_id("run"))
    made = uuid.UUID(new_uuid())
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
