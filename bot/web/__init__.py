"""The page of `bot run`: what is watched, what waits for a yes, what runs, what failed, what was published.

    address           where the page listens and with which token: BOT_WEB, BOT_WEB_TOKEN, BOT_WEB_HOSTS
    reading           runs, their event files and the journal, read; finished runs once
    journal_views     the journal's rows as the page shows them
    views             what the page shows, as frozen records
    run_views, plan_views, published_views, progress, headline      how these are made: pure
    overview, current the first page put together; read at most twice a second, whoever asks
    words             how the page writes times, sizes and the text of strangers
    site, pages, live the templates, the routes, and server-sent events that say which section changed
    actions           what the buttons do
    figures           the pictures of published cards
    health            /healthz
    session, door     who may look and press: signed sessions, the token, failed tries slowed
    own_pages         protections that this page and the card preview share
    listening         a server on a port that is bound before it starts; shared too
    server            the page on a port, in a thread of its own

`templates/` and `static/` are the page itself: nothing is built, and nothing of it comes from elsewhere.
"""
