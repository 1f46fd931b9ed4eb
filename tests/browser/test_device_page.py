"""The page on which people sign machines in, as a browser shows it, without scripts on a small screen."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from tests.contracts.site import Site
from trivium_client import BadRequest, Wisebot
from trivium_client.models.sign_in import DeviceCodes

pytestmark = [pytest.mark.browser, pytest.mark.server, pytest.mark.timeout(180)]
EMAIL, PASSWORD = "ann@example.com", "correct horse battery"


@dataclass
class Machine:
    """A machine that waits, and Ann's two organizations."""

    client: Wisebot
    codes: DeviceCodes

    def refusal(self) -> str:
        with pytest.raises(BadRequest) as caught:
            self.client.sign_in.poll(self.codes.device_code)
        return caught.value.code


@pytest.fixture(scope="module")
def people(site: Site) -> None:
    # Playwright keeps an event loop running in this thread.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(_add_people, site).result()


def _add_people(site: Site) -> None:
    for name, role in (("Acme", "owner"), ("Bits & <Bobs>", "member")):
        owner = site.organization(name)
        accounts = site.platform.access
        site.run(accounts.create_user(EMAIL, organization_id=owner, role=role, password=PASSWORD))  # type: ignore[arg-type]


@pytest.fixture
def machine(site: Site, people: None):
    with Wisebot("none", site.url) as client:
        yield Machine(client, client.sign_in.start("ann@laptop <b>bold</b>"))


def sign_in(page: Page, site: Site, machine: Machine, password: str = PASSWORD) -> None:
    page.goto(f"{site.url}/device?code={machine.codes.user_code}")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Continue").click()


def test_person_approves_for_the_organization_they_choose(page: Page, site: Site, machine: Machine) -> None:
    sign_in(page, site, machine)
    expect(page.get_by_role("heading")).to_have_text("Approve this device?")
    expect(page.locator("dd").nth(1)).to_have_text("ann@laptop <b>bold</b>")
    expect(page.locator(".code")).to_have_text(machine.codes.user_code)
    page.get_by_label("Bits & <Bobs>, as member").check()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading")).to_have_text("Approved")
    token = machine.client.sign_in.poll(machine.codes.device_code)
    assert (token.organization, token.scope) == ("Bits & <Bobs>", "member")
    assert page.context.cookies() == []


def test_wrong_password_is_told_and_deny_denies(page: Page, site: Site, machine: Machine) -> None:
    sign_in(page, site, machine, "wrong")
    expect(page.get_by_role("alert")).to_have_text("E-mail or password is wrong.")
    assert page.get_by_label("Code").input_value() == machine.codes.user_code
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_role("heading")).to_have_text("Denied")
    assert machine.refusal() == "access_denied"


def test_page_loads_nothing_and_is_framed_by_nobody(page: Page, site: Site, machine: Machine) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    sign_in(page, site, machine)
    wide = page.get_by_role("button", name="Approve").bounding_box()
    assert wide is not None
    assert wide["x"] + wide["width"] <= 360
    assert {url.split("?")[0].removeprefix(site.url) for url in asked} <= {"/device", "/favicon.ico"}
    page.set_content(f'<iframe src="{site.url}/device"></iframe>')
    expect(page.frame_locator("iframe").get_by_role("heading")).to_have_count(0)


def test_form_of_another_site_does_nothing(page: Page, site: Site, machine: Machine) -> None:
    fields = {"code": machine.codes.user_code, "email": EMAIL, "password": PASSWORD}
    inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
    page.route("http://evil.example/", lambda route: route.fulfill(body=_form(site, inputs), content_type="text/html"))
    page.goto("http://evil.example/")
    page.get_by_role("button").click()
    expect(page.get_by_role("alert")).to_have_text("This form was sent by another site.")
    assert machine.refusal() == "authorization_pending"


def _form(site: Site, inputs: str) -> str:
    return f'<form method="post" action="{site.url}/device">{inputs}<button>Go</button></form>'
