"""The parts of the laptop stack: command, environment and readiness check of each, and what clients are told."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from local import prefect_server
from local.aws.bootstrap import PORTAL_SECRET, REGION, STAGE, WAREHOUSE_SECRET, Bootstrap, Deployed, write_private
from local.certificates import Certificates
from local.dashboard import ANALYST, ANALYSTS
from local.ports import HOST, Ports
from local.state import StateFolder
from local.supervisor import Part, answers_http, clean_environment, file_exists_and_listens

Isolation = Literal["snapshot", "serializable"]
"""Of the database; without one it keeps what it has, which is SNAPSHOT in a new folder."""
DASHBOARD_VARIABLE = "ESTEIRA_DASHBOARD_URL"
"""Where the laptop's dashboard listens. The laptop stack sets it; nobody needs to."""
DATABASE = "dev"
DATABASE_USER = "esteira"
RUN_LOGS = {"PREFECT_LOGGING_EXTRA_LOGGERS": "esteira,blocks", "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore"}
"""As in the image: what the core logs, such as a request that is tried again, belongs to the run's story."""
TASK_PROFILE, UPKEEP_PROFILE, DROP_PROFILE = "esteira-task", "esteira-upkeep", "esteira-drop"

STREAMLIT = {
    "server.address": HOST, "server.headless": "true", "server.fileWatcherType": "none", "browser.gatherUsageStats": "false",
    "client.toolbarMode": "minimal", "client.showErrorLinks": "false", "runner.magicEnabled": "false", "logger.hideWelcomeMessage": "true",
}  # fmt: skip
"""Nothing opens, nothing is watched, nothing is told to anybody: https://docs.streamlit.io/develop/api-reference/configuration/config.toml"""


@dataclass(frozen=True)
class Plan:
    """All that the parts of one start have in common."""

    folder: StateFolder
    ports: Ports
    certificates: Certificates
    flights_limit: int | None = None
    isolation: Isolation | None = None

    @property
    def aws_url(self) -> str:
        """The emulator's address."""
        return f"http://{HOST}:{self.ports.aws}"

    def portal(self) -> Part:
        """Datasette with the flights."""
        token = self.folder.secret("portal-token")
        options = ["--data", str(self.folder.root / "portal"), "--token-file", str(token)]
        if self.flights_limit is not None:
            options += ["--flights-limit", str(self.flights_limit)]
        headers = {"Authorization": f"Bearer {token.read_text()}"}
        check = answers_http(f"http://{HOST}:{self.ports.portal}/-/versions.json", headers)
        return Part("portal", _module("local.portal", self.ports.portal, *options), self.ports.portal, check,
                    clean_environment())  # fmt: skip

    def aws(self) -> Part:
        """Ministack behind its gate."""
        key_file, _ = self.folder.root_key()
        options = ["--data", str(self.folder.root / "aws-data"), "--root-file", str(key_file)]
        check = answers_http(f"{self.aws_url}/_ministack/health")
        return Part("aws", _module("local.aws", self.ports.aws, *options), self.ports.aws, check, clean_environment())

    def warehouse(self, deployed: Deployed) -> Part:
        """The Redshift gateway; it reads S3 as its own IAM user under the COPY role."""
        ready = self.folder.root / "warehouse.ready"
        ready.unlink(missing_ok=True)
        options = ["--data", str(self.folder.root / "warehouse"), "--cert", str(self.certificates.certificate)]
        options += ["--key", str(self.certificates.key), "--user", DATABASE_USER, "--database", DATABASE]
        options += ["--password-file", str(self.folder.secret("warehouse-password")), "--ready-file", str(ready)]
        options += ["--isolation", self.isolation] if self.isolation else []
        environment = clean_environment() | {
            "AWS_ENDPOINT_URL": self.aws_url,
            "AWS_ACCESS_KEY_ID": deployed.redshift.access_key_id,
            "AWS_SECRET_ACCESS_KEY": deployed.redshift.secret_access_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }
        port = self.ports.warehouse
        return Part("warehouse", _module("local.redshift", port, *options), port,
                    file_exists_and_listens(ready, port), environment)  # fmt: skip

    def prefect(self) -> Part:
        """A real Prefect server."""
        home, port = self.folder.root / "prefect", self.ports.prefect
        home.mkdir(exist_ok=True)
        environment = clean_environment() | prefect_server.environment(home, port)
        check = answers_http(f"{prefect_server.api_url(port)}/health")
        return Part("prefect", prefect_server.command(home, port), port, check, environment, ready_seconds=120.0)

    def slack(self) -> Part:
        """The Slack catcher."""
        port = self.ports.slack
        command = _module("local.slack", port, "--data", str(self.folder.root / "slack"))
        return Part("slack", command, port, answers_http(f"http://{HOST}:{port}/messages"), clean_environment())

    def reports(self, client: Mapping[str, str]) -> Part:
        """The shelf of quality pages, for links of the Prefect UI; `client` is what `client_environment` gave."""
        port = self.ports.reports
        environment = clean_environment() | {name: value for name, value in client.items() if name.startswith("AWS_")}
        command = _module("local.reports", port, "--bucket", client["ESTEIRA_LAKE_BUCKET"])
        return Part("reports", command, port, answers_http(f"http://{HOST}:{port}/health"), environment)

    def dashboard(self, client: Mapping[str, str]) -> Part:
        """The dashboard, which logs in as an analyst; `client` is what `client_environment` gave."""
        port = self.ports.dashboard
        told = ("SSL_CERT_FILE", "ESTEIRA_WAREHOUSE_HOST", "ESTEIRA_WAREHOUSE_PORT", "ESTEIRA_WAREHOUSE_DATABASE")
        environment = clean_environment() | {name: client[name] for name in told}
        login = {"DASHBOARD_USER": ANALYST, "DASHBOARD_PASSWORD_FILE": str(self.folder.secret(f"{ANALYST}-password"))}
        page = str(Path(__file__).parent / "dashboard" / "page.py")
        options = (f"{name}={value}" for name, value in (STREAMLIT | {"server.port": str(port)}).items())
        command = [sys.executable, "-m", "streamlit", "run", page, *(f"--{option}" for option in options)]
        check = answers_http(f"http://{HOST}:{port}/_stcore/health")
        return Part("dashboard", command, port, check, environment | login)

    def dashboard_environment(self) -> dict[str, str]:
        """What clients are told where there is a dashboard: whom each run grants the BI views to, and where the page is."""
        return {"ESTEIRA_BI_GROUP": ANALYSTS, DASHBOARD_VARIABLE: f"http://{HOST}:{self.ports.dashboard}"}

    def bootstrap(self) -> Deployed:
        """Deploy into the running emulator."""
        warehouse = {
            "engine": "redshift",  # awswrangler insists on it
            "username": DATABASE_USER,
            "password": self.folder.secret("warehouse-password").read_text(),
            "host": "localhost",
            "port": self.ports.warehouse,
            "dbname": DATABASE,
        }
        portal = {"token": self.folder.secret("portal-token").read_text()}
        _, root = self.folder.root_key()
        return Bootstrap(self.aws_url, root, self.folder.keys).run({PORTAL_SECRET: portal, WAREHOUSE_SECRET: warehouse})

    def client_environment(self, deployed: Deployed) -> dict[str, str]:
        """Write the client's AWS profiles and return what it needs in its environment; nothing of root in it."""
        config, credentials = self.folder.root / "aws" / "config", self.folder.root / "aws" / "credentials"
        _write_profiles(config, credentials, deployed)
        ports = self.ports
        return {
            "AWS_ENDPOINT_URL": self.aws_url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": str(config),
            "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
            "AWS_PROFILE": TASK_PROFILE,
            "SSL_CERT_FILE": str(self.certificates.authority),
            "PREFECT_API_URL": prefect_server.api_url(ports.prefect),
            "PREFECT_UI_URL": prefect_server.ui_url(ports.prefect),
            "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
            **RUN_LOGS,
            "PREFECT_HOME": str(self.folder.root / "prefect"),
            "ESTEIRA_STAGE": STAGE,
            "ESTEIRA_LAKE_BUCKET": deployed.bucket,
            "ESTEIRA_WAREHOUSE_HOST": "localhost",
            "ESTEIRA_WAREHOUSE_PORT": str(ports.warehouse),
            "ESTEIRA_WAREHOUSE_DATABASE": DATABASE,
            "ESTEIRA_WAREHOUSE_SECRET": WAREHOUSE_SECRET,
            "ESTEIRA_COPY_ROLE_ARN": deployed.copy_role_arn,
            "ESTEIRA_UPKEEP_PROFILE": UPKEEP_PROFILE,
            "ESTEIRA_DROP_PROFILE": DROP_PROFILE,
            "ESTEIRA_PORTAL_URL": f"http://{HOST}:{ports.portal}",
            "ESTEIRA_PORTAL_SECRET": PORTAL_SECRET,
            "ESTEIRA_SLACK_URL": f"http://{HOST}:{ports.slack}/slack",
            "ESTEIRA_SECOND_URL": f"http://{HOST}:{ports.slack}/second",
            "ESTEIRA_REPORT_URL": f"http://{HOST}:{ports.reports}",
        }


def _module(name: str, port: int, *options: str) -> list[str]:
    return [sys.executable, "-m", name, "--port", str(port), *options]


def _write_profiles(config: Path, credentials: Path, deployed: Deployed) -> None:
    key = deployed.laptop
    profiles = {
        TASK_PROFILE: deployed.task_role_arn,
        UPKEEP_PROFILE: deployed.upkeep_role_arn,
        DROP_PROFILE: deployed.drop_role_arn,
    }
    roles = "".join(
        f"\n[profile {name}]\nregion = {REGION}\nrole_arn = {role}\nsource_profile = laptop\nrole_session_name = laptop\n"
        for name, role in profiles.items()
    )
    write_private(config, f"[profile laptop]\nregion = {REGION}\n{roles}")
    secret = f"aws_access_key_id = {key.access_key_id}\naws_secret_access_key = {key.secret_access_key}\n"
    write_private(credentials, f"[laptop]\n{secret}")
