"""The screen that a risk manager keeps open: server-rendered pages, their live parts, their jobs.

`Board` has the routes; the service puts them into its application.
"""
