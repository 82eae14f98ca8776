"""The loopback Hub: a small server that speaks what `huggingface_hub` needs, for rehearsals and tests.

names       which repo, file and ref names are allowed
gitids      git's own ids for blobs, trees, commits and LFS pointers
history     commits as values: operations applied to a file list
objects     file contents by their sha256
reading     repos, refs and commits on disk, read
store       the same, written; also the seeding interface for tests
collections_store
metadata    a card's front matter: parsing, validation, tags
describe    what the Hub says about a repo
answers     how it says no
call        one request: who asks, what for, and whether they may
webhooks    who is told of what, and the telling
repos_api, commits_api, files_api, listing_api, collections_api, webhooks_api, pages
faults      failing on demand; control arms them and reads the log of requests
server      the application, and running it
process     the server as a child process
"""
