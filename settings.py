"""One typed settings object: environment variables `GUANJIA_…`, or a `.env` file, over defaults for one machine."""

import base64
import secrets
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

import limits
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Everything that differs between a laptop and a utility's cluster. Nothing else reads the environment."""

    model_config = SettingsConfigDict(env_prefix="GUANJIA_", env_file=".env", extra="ignore", frozen=True)

    data: Path = Field(Path("data"), description="folder for the embedded store, keys, logs and files")
    database_url: str | None = Field(None, description="SQLAlchemy URL; left out: SQLite in the data folder")
    temporal_address: str = "127.0.0.1:7233"
    temporal_namespace: str = "default"
    temporal_api_key: SecretStr | None = None
    temporal_tls: bool = False
    engine_ui_port: int | None = Field(8233, description="web pages of the embedded engine; empty: none")
    task_queue: str = "guanjia"
    pack: str = Field("jinan", description="the utility whose rules new cases open under")
    packs: Path | None = Field(
        None, description="a utility's own packs, `<utility>/<day>.yaml`, besides those that come with Guanjia"
    )
    api_host: str = "127.0.0.1"
    api_port: int = 8080
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^/]+/?$",
        description="where people find the pages, such as https://guanjia.example; left out: where the API is asked",
    )
    trusted_proxies: str | None = Field(
        None, description="addresses of reverse proxies that say truly who asks, comma-separated; left out: none"
    )
    session_idle: timedelta = Field(timedelta(hours=8), description="a session that is not used ends after this")
    session_longest: timedelta = Field(timedelta(days=1), description="any session ends after this")
    logins_per_account: str = Field("10 per 15 minutes", description="failed attempts, in words of the limits library")
    logins_per_address: str = Field("60 per 15 minutes", description="failed attempts from one network address")
    link_lasts: timedelta = Field(timedelta(days=180), description="an applicant's link opens so long, until renewed")
    looks_per_link: str = Field("120 per 15 minutes", description="looks through one applicant's link")
    sent_per_link: str = Field("40 per hour", description="what is sent through one applicant's link: papers, answers")
    wrong_links: str = Field("30 per 15 minutes", description="links that open nothing, from one network address")
    payload_keys: SecretStr | None = Field(
        None,
        description="id:base64 pairs, comma-separated, first one encrypts; left out: a key file in the data folder",
    )
    photo_megabytes: int = Field(15, ge=1, description="the largest photo that is taken")
    photo_megapixels: int = Field(64, ge=1, description="the largest photo by its pixels; more is refused unopened")
    paper_megabytes: int = Field(30, ge=1, description="the largest paper (PDF, XLSX, DOCX) that is taken")
    paper_fonts: Path | None = Field(
        None, description="a folder of fonts to print papers with, gone through before the one that comes with Guanjia"
    )
    sample_accounts: int = Field(300, ge=1, description="invented accounts that a first `guanjia run` puts in")
    sample_projects: int = Field(40, ge=0, le=80, description="invented applications that a first run puts in; 0: none")
    sample_work: bool = Field(True, description="let the sample people take some of the sample cases forward")
    sms: Literal["log", "aliyun"] = Field(
        "log", description="who sends SMS: log keeps them in files of the data folder, aliyun is 阿里云短信"
    )
    sms_url: str = Field("https://dysmsapi.aliyuncs.com", pattern=r"^https?://[^/]+$")
    sms_key_id: str | None = Field(None, description="AccessKey ID of the provider")
    sms_key_secret: SecretStr | None = Field(None, description="AccessKey secret of the provider")
    sms_sign_name: str | None = Field(None, description="the signature (短信签名) approved by the provider")
    sms_templates: dict[str, str] = Field(
        {}, description='the provider\'s template of each of ours, as JSON: {"jinan/reminder": "SMS_123"}'
    )
    billing_secrets: SecretStr | None = Field(
        None,
        description="what the billing system signs its events with, 16 characters or more; two, comma-separated, while "
        "one takes the other's place; left out: its door stays shut",
    )
    receipts_secrets: SecretStr | None = Field(
        None, description="what receipts of messages are signed with, as billing_secrets; left out: none are taken"
    )
    decision_timeout: float = Field(3.0, description="seconds a door waits for a case before it answers 'pending'")

    @field_validator("logins_per_account", "logins_per_address", "looks_per_link", "sent_per_link", "wrong_links")
    @classmethod
    def _limits(cls, words: str) -> str:
        limits.parse(words)
        return words

    @model_validator(mode="after")
    def _provider_is_whole(self) -> Self:
        needed = ("sms_key_id", "sms_key_secret", "sms_sign_name", "sms_templates")
        if self.sms != "log" and (missing := [name for name in needed if not getattr(self, name)]):
            raise ValueError(f"sms={self.sms} needs {', '.join(missing)}")
        return self

    @field_validator("billing_secrets", "receipts_secrets")
    @classmethod
    def _secrets(cls, written: SecretStr | None) -> SecretStr | None:
        secrets_written = _split(written)
        if len(secrets_written) > 2 or any(len(each) < 16 for each in secrets_written):
            raise ValueError("one secret, or two during a rotation, of 16 characters or more each, comma-separated")
        return written

    def secrets_of(self, door: Literal["billing", "receipts"]) -> tuple[str, ...]:
        """What those who send to a door sign with; none: nobody may."""
        return _split(getattr(self, f"{door}_secrets"))

    @cached_property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data.resolve() / 'guanjia.db'}"

    def encryption_keys(self) -> dict[str, bytes]:
        """Payload keys by id, the first one for writing. The key file is made on first use, for the owner alone."""
        if self.payload_keys is not None:
            pairs = (pair.split(":", 1) for pair in self.payload_keys.get_secret_value().split(","))
            return {key_id.strip(): base64.b64decode(key) for key_id, key in pairs}
        path = self.data / "payload.key"
        if not path.exists():
            self.data.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}\n")
        return {
            key_id: base64.b64decode(key)
            for key_id, key in (line.split(":", 1) for line in path.read_text().split() if line)
        }


def _split(written: SecretStr | None) -> tuple[str, ...]:
    return tuple(each for part in written.get_secret_value().split(",") if (each := part.strip())) if written else ()
