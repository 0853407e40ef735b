"""Where everything of a demonstration lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
DEFAULT = "banksia"
"""The example tenant of a make run that names none."""


@dataclass(frozen=True)
class Places:
    """One work folder; readable by its owner only, made as it is needed. tenant: the example that is played in it."""

    work: Path
    tenant: str = DEFAULT

    @property
    def airflow(self) -> Path:
        """AIRFLOW_HOME."""
        return self.work / "airflow"

    @property
    def home(self) -> Path:
        """ROSTER_HOME."""
        return self.work / "roster"

    @property
    def tenants(self) -> Path:
        """ROSTER_TENANTS."""
        return self.work / "tenants"

    @property
    def tenant_file(self) -> Path:
        """The tenant's file, where a person may change it."""
        return self.tenants / f"{self.tenant}.yaml"

    @property
    def test(self) -> Path:
        """What the stand-in for Canvas's test environment keeps."""
        return self.work / "canvas-test"

    @property
    def production(self) -> Path:
        """What the stand-in for the production Canvas keeps."""
        return self.work / "canvas-production"

    @property
    def delivery(self) -> Path:
        """The district as the sources have it: a delivery, or what a stand-in serves."""
        return self.work / "delivery"

    @property
    def keys(self) -> Path:
        """Tokens, passwords and ports."""
        return self.work / "keys.json"

    @property
    def nights(self) -> Path:
        """Which nights were played."""
        return self.work / "nights.json"

    @property
    def sessions(self) -> Path:
        """What is running, for the next run to end if this one is killed."""
        return self.work / "sessions.json"

    @property
    def passwords(self) -> Path:
        """Log-ins of Airflow's UI, as its simple auth manager reads them."""
        return self.airflow / "passwords.json"

    @property
    def logs(self) -> Path:
        """What the started processes say; Airflow's own task logs lie below `airflow`."""
        return self.work / "logs"

    def make(self) -> None:
        """Make the folders."""
        canvases = (self.test, self.production)
        for folder in (self.work, self.airflow, self.home, self.tenants, *canvases, self.delivery, self.logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)

    def reports(self) -> list[Path]:
        """Every report of a night of the tenant, oldest first."""
        return sorted(self.home.glob(f"runs/{self.tenant}/*/verdict/attempt-*/report.json"))


def write_private(file: Path, text: str) -> None:
    """A file that only its owner can read, at no moment half written."""
    aside = file.with_name(f".{file.name}.part")
    aside.unlink(missing_ok=True)
    aside.touch(mode=0o600)
    aside.write_text(text, encoding="utf-8")
    aside.replace(file)
