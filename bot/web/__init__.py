"""The page of `bot run`: what is watched, what waits for a yes, what runs, what failed, what was published.

    address      where the page listens and with which token: BOT_WEB, BOT_WEB_TOKEN, BOT_WEB_HOSTS
    reading      everything the page knows, read from journal, engine and event files
    views        what the page shows, as frozen records; pure
    progress     how far a step is and how long it will take; pure
    words        how the page writes times, sizes and the text of strangers
    pages, live  the routes, and server-sent events that say which section changed
    actions      what the buttons do
    health       /healthz
    session      who may look and press: signed sessions, the token, failed tries slowed
    own_pages    protections that this page and the card preview share
    listening    a server on a port that is bound before it starts; shared too
    server       the page on a port, in a thread of its own

`templates/` and `static/` are the page itself: nothing is built, and nothing of it comes from elsewhere.
"""
