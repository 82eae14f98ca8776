"""The live preview: a local page that shows a card as the Hub does, while its template is being edited.

    source      which facts: a file, a published repo, or the example that comes with the bot
    build       facts -> card -> page: metadata box, sanitized HTML, addresses of the figures
    trouble     a mistake in a template or in the facts: file, line, sentence, the lines around it
    changes     what differs from the published card
    preview     holds the last good card and what is wrong now
    watching    calls back when a template or the facts are saved
    server      the page, its state and its events, for this machine only

`page.html`, `preview.css` and `preview.js` are the page itself: nothing is built, and nothing of it
comes from elsewhere.
"""
