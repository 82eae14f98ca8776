"""Notifications: what happened, told to the services that the publisher reads, and a digest at breakfast.

The source is the timeline (`bot.journal.timeline`): who tells it something need not know of notifications.

    timeline ─> decide (which events, once, in one message) ─> render (title, lines) ─> services (apprise)
       └─ digest: once a day it is told to the timeline itself

Services are apprise URLs. They hold secrets: they come from BOT_NOTIFY or a file, and are never part of a
log line, an error or the database, which know a service as `slack-1`.
"""
