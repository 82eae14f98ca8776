"""The bot as a service of this machine: a systemd unit on Linux, a LaunchAgent on a Mac.

wish ─> unit, agent (text, pure) ─> systemd, launchd (install, uninstall, status)
                                       └─ probe: does the model folder open, is the processor as fast?
"""
