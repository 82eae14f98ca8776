"""The loopback Hub: a small server that speaks what `huggingface_hub` needs, for rehearsals and tests.

names      which repo, file and ref names are allowed
gitids     git's own ids for blobs, trees, commits and LFS pointers
objects    file contents by their sha256
history    commits as values: operations applied to a file list
store      repos, refs and commits on disk; the seeding interface for tests
metadata   a card's front matter: parsing, validation, tags
describe   what the Hub says about a repo
collections_store
answers, call, repos_api, commits_api, files_api, listing_api, collections_api, pages
faults     failing on demand
server, process
"""
