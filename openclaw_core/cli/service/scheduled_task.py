"""The Windows task scheduler: a task that starts when the person logs on."""

from __future__ import annotations

import subprocess
from pathlib import Path

from openclaw_core.cli.service.manager import Definition, run_tool, try_tool
from openclaw_core.cli.service.plan import ServicePlan

__all__ = ["ScheduledTasks", "task_xml"]

_NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
_SETTINGS = {
    "MultipleInstancesPolicy": "IgnoreNew",
    "DisallowStartIfOnBatteries": "false",
    "StopIfGoingOnBatteries": "false",
    "AllowHardTerminate": "true",
    "StartWhenAvailable": "true",
    "ExecutionTimeLimit": "PT0S",  # without a limit; the default ends a task after three days
}
_STATUS_COLUMN = 2  # of `schtasks /Query /FO CSV /NH`: name, next run, status


def task_xml(plan: ServicePlan) -> bytes:
    """The task: at log-on, with the person's own rights, again a minute after a failure.

    A task has no environment of its own, so `openclaw_core.cli.service` sets it and keeps the log.
    """
    import xml.etree.ElementTree as ET  # only Windows pays for it

    task = ET.Element("Task", {"version": "1.2", "xmlns": _NAMESPACE})
    ET.SubElement(ET.SubElement(task, "RegistrationInfo"), "Description").text = plan.title
    trigger = ET.SubElement(ET.SubElement(task, "Triggers"), "LogonTrigger")
    ET.SubElement(trigger, "Enabled").text = "true"
    principal = ET.SubElement(ET.SubElement(task, "Principals"), "Principal", {"id": "Author"})
    ET.SubElement(principal, "LogonType").text = "InteractiveToken"
    ET.SubElement(principal, "RunLevel").text = "LeastPrivilege"
    settings = ET.SubElement(task, "Settings")
    for name, value in _SETTINGS.items():
        ET.SubElement(settings, name).text = value
    again = ET.SubElement(settings, "RestartOnFailure")
    ET.SubElement(again, "Interval").text = "PT1M"
    ET.SubElement(again, "Count").text = "255"
    execute = ET.SubElement(ET.SubElement(task, "Actions", {"Context": "Author"}), "Exec")
    ET.SubElement(execute, "Command").text = plan.program[0]
    ET.SubElement(execute, "Arguments").text = subprocess.list2cmdline(_arguments(plan))
    ET.indent(task)
    # schtasks reads UTF-16 only.
    return bytes(ET.tostring(task, encoding="utf-16", xml_declaration=True))


def _arguments(plan: ServicePlan) -> list[str]:
    variables = [f"{name}={value}" for name, value in plan.environment.items()]
    room = "openclaw_core.cli.service"
    return ["-P", "-m", room, "--log", str(plan.log_file), *variables, "--", *plan.arguments]


class ScheduledTasks:
    """`schtasks`."""

    title = "Windows task scheduler"

    def why_unusable(self) -> str | None:
        """No program of that name."""
        code, said = try_tool("schtasks", "/Query", "/FO", "LIST")
        return None if code == 0 else f"schtasks does not work ({said.splitlines()[:1]})"

    def define(self, plan: ServicePlan) -> Definition:
        """The file schtasks reads stays in the state directory, to tell a change by."""
        return Definition(plan.state_dir / "service" / f"{plan.name}.xml", task_xml(plan))

    def register(self, plan: ServicePlan, path: Path) -> None:
        """Create or replace the task."""
        run_tool("schtasks", "/Create", "/TN", plan.name, "/XML", str(path), "/F")

    def unregister(self, plan: ServicePlan, path: Path) -> None:
        """End and delete it."""
        self.stop(plan)
        run_tool("schtasks", "/Delete", "/TN", plan.name, "/F")
        path.unlink(missing_ok=True)

    def start(self, plan: ServicePlan) -> None:
        """Run it now; a running one is left alone."""
        run_tool("schtasks", "/Run", "/TN", plan.name)

    def stop(self, plan: ServicePlan) -> None:
        """End it."""
        if self.is_running(plan):
            run_tool("schtasks", "/End", "/TN", plan.name)

    def is_running(self, plan: ServicePlan) -> bool:
        """Its status column; on a Windows of another language the word is another."""
        code, said = try_tool("schtasks", "/Query", "/TN", plan.name, "/FO", "CSV", "/NH")
        words = said.split(",")
        return (
            code == 0 and len(words) > _STATUS_COLUMN and words[_STATUS_COLUMN].strip('" \r\n') == "Running"
        )

    def hints(self, plan: ServicePlan) -> tuple[str, ...]:
        """Where the log is."""
        return (f"Its log: {plan.log_file}",)
