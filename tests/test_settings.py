"""Where settings come from, and what is said about mistakes."""

import re
from pathlib import Path

import pytest

from tests.repository import modules
from trivium.settings import FIELDS, Settings, SettingsError, load


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "trivium.toml").write_text('port = 1111\nlog_level = "debug"\noutbound_allow = ["127.0.0.1:9"]\n')
    return tmp_path


def test_every_setting_has_a_default_that_works() -> None:
    loaded = load(environ={"TRIVIUM_DATA": "/nowhere"})
    assert loaded.settings == Settings(data=Path("/nowhere"))
    assert loaded.warnings == ()
    assert all(field.metadata["doc"].endswith(".") for field in FIELDS.values())


def test_each_source_is_stronger_than_the_one_before(data: Path) -> None:
    environ = {"TRIVIUM_DATA": str(data)}
    assert load(environ=environ).settings.port == 1111
    environ["TRIVIUM_PORT"] = "2222"
    assert load(environ=environ).settings.port == 2222
    loaded = load(environ=environ, options={"port": 3333, "host": None})
    assert (loaded.settings.port, loaded.settings.host, loaded.settings.log_level) == (3333, "127.0.0.1", "debug")
    assert loaded.sources["port"] == "--port"
    assert loaded.sources["host"] == "default"
    assert loaded.sources["log_level"] == str(data / "trivium.toml")


def test_a_named_file_replaces_the_one_in_the_data_folder(data: Path, tmp_path: Path) -> None:
    named = tmp_path / "other.toml"
    named.write_text(f'data = "{data}"\nhost = "0.0.0.0"\n')
    settings = load(config=named, environ={}).settings
    assert (settings.data, settings.host, settings.port) == (data, "0.0.0.0", 8080)
    assert load(environ={"TRIVIUM_CONFIG": str(named)}).settings == settings


@pytest.mark.parametrize(
    ("raw", "value"),
    [("", ()), ("127.0.0.1:9000", ("127.0.0.1:9000",)), (" a:1 , b:2,", ("a:1", "b:2"))],
)
def test_a_list_in_a_variable_has_commas(raw: str, value: tuple[str, ...]) -> None:
    assert load(environ={"TRIVIUM_OUTBOUND_ALLOW": raw}).settings.outbound_allow == value


@pytest.mark.parametrize(
    ("variable", "raw", "part"),
    [
        ("TRIVIUM_PORT", "http", "a whole number"),
        ("TRIVIUM_PORT", "70000", "0 to 65535"),
        ("TRIVIUM_LOG_LEVEL", "loud", "one of debug, info"),
        ("TRIVIUM_MODEL_FALLBACK_IS_ERROR", "maybe", "true or false"),
        ("TRIVIUM_LEASE_S", "nan", "a number"),
        ("TRIVIUM_LEASE_S", "0", "at least 1"),
    ],
)
def test_a_value_that_cannot_be_names_its_variable(variable: str, raw: str, part: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(environ={variable: raw})
    assert caught.value.problems[0].startswith(f"{variable}: must be ")
    assert part in caught.value.problems[0]


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "trivium.toml").write_text('prot = 1\ndata = "x"\nhost = 5\n')
    with pytest.raises(SettingsError) as caught:
        load(environ={"TRIVIUM_DATA": str(tmp_path), "TRIVIUM_PORT": "x"})
    text = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 4
    assert "prot is no setting. Did you mean port?" in text


def test_an_unknown_variable_is_a_warning() -> None:
    loaded = load(environ={"TRIVIUM_PROT": "1", "TRIVIUM_TEST_POSTGRES_URL": "x", "PATH": "/bin"})
    assert loaded.warnings == ("TRIVIUM_PROT is no setting and is ignored. Did you mean TRIVIUM_PORT?",)


def test_a_missing_or_broken_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such file"):
        load(config=tmp_path / "missing.toml", environ={})
    (tmp_path / "trivium.toml").write_bytes(b"port = \xff")
    with pytest.raises(SettingsError, match="not readable as TOML"):
        load(environ={"TRIVIUM_DATA": str(tmp_path)})


def test_secrets_are_never_shown() -> None:
    environ = {"TRIVIUM_MODEL_API_KEY": "sk-hidden", "TRIVIUM_DATABASE_URL": "postgresql://u:hidden@h/d"}
    loaded = load(environ=environ)
    assert loaded.settings.model_api_key == "sk-hidden"
    assert "hidden" not in repr(loaded)


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({}, "http://127.0.0.1:8080"),
        ({"host": "0.0.0.0", "port": 9000}, "http://127.0.0.1:9000"),
        ({"host": "::1"}, "http://[::1]:8080"),
        ({"public_url": "https://ai.example.com/"}, "https://ai.example.com"),
    ],
)
def test_the_base_url_is_one_that_clients_can_use(options: dict[str, object], url: str) -> None:
    assert load(environ={}, options=options).settings.base_url() == url


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_changes_something(name: str) -> None:
    read = [one.name for one in modules("src/trivium") if re.search(rf"\b(settings|self)\.{name}\b", one.source)]
    assert read, f"nothing reads the setting {name}"
