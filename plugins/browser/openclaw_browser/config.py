"""Settings of the family: `plugins.entries.browser.config` of openclaw.json."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from openclaw_core.models import Settings

__all__ = ["BrowserConfig", "ProfileConfig", "ProfileName"]

ProfileName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


class ProfileConfig(Settings):
    """One browser profile: cookies, logins and storage of its own.

    Attributes:
        color: for people to tell profiles apart.
        user_data_dir: where it is kept; a directory of the node's state when absent.
        executable_path: another Chromium for this profile.
    """

    color: Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")] = "#FF4500"
    user_data_dir: Path | None = None
    executable_path: Path | None = None


class BrowserConfig(Settings):
    """How a node runs its browser, and which node a gateway's `browser.request` goes to.

    Attributes:
        executable_path: Chrome or Chromium; searched for when absent.
        headless: no window; when absent, exactly if there is no display.
        no_sandbox: run without Chromium's sandbox; when absent, only as root, where it cannot work.
        args: further command line switches.
        default_profile: used when a request names none.
        profiles: by name; `openclaw` exists without being named.
        allow_profiles: which of them requests may use; empty for all.
        allow_schemes: URL schemes a tab may show; `about:blank` always may.
        evaluate_enabled: whether requests may run JavaScript of their own in pages.
        idle_shutdown_ms: close a browser that was not used for this long; 0 for never.
        node: on a gateway, the node (id or name) that `browser.request` uses when the caller names none.
    """

    executable_path: Path | None = None
    headless: bool | None = None
    no_sandbox: bool | None = None
    args: tuple[str, ...] = ()
    default_profile: ProfileName = "openclaw"
    profiles: dict[ProfileName, ProfileConfig] = Field(default_factory=dict)
    allow_profiles: tuple[ProfileName, ...] = ()
    allow_schemes: tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9+.-]*$")], ...] = ("http", "https")
    evaluate_enabled: bool = True
    idle_shutdown_ms: Annotated[int, Field(ge=0, le=86_400_000)] = 600_000
    node: str | None = None

    @model_validator(mode="after")
    def _know_the_default(self) -> Self:
        if self.default_profile not in self.named_profiles():
            raise ValueError(
                f"defaultProfile {self.default_profile!r} is not among profiles; add it there or name one of"
                f" {', '.join(self.named_profiles())}"
            )
        return self

    def named_profiles(self) -> dict[str, ProfileConfig]:
        """Every profile there is."""
        return {"openclaw": ProfileConfig(), **self.profiles}
