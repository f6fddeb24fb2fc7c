"""The gateway and the node as services of this machine.

One plan says what is to run (`plan`); `systemd`, `launchd` and `scheduled_task` write it down for
their service manager and talk to it; `background` runs it where there is none.
"""
