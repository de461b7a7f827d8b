"""What the servers and their callers both know: who may read, and how each database writes a moment.

A module of its own, so that Django, FastAPI and SQLAlchemy are imported by the servers' processes alone.
"""

DJANGO_USER, DJANGO_PASSWORD = "reader", "open-sesame-81"
DJANGO_TOKEN = "0123456789abcdef0123456789abcdef01234567"
DJANGO_CLIENT, DJANGO_CLIENT_SECRET = "esteira-client", "client-canary-4410"

FASTAPI_KEY = "key-canary-90ab12"
FASTAPI_USER, FASTAPI_PASSWORD = "reader", "open-sesame-82"
LIFETIME_SECONDS = 3
"""Of the access tokens that both hand out."""

DATASETTE_TOKEN = "datasette-canary-5c1"

MOMENTS = {"django": "%Y-%m-%d %H:%M:%S.%f", "fastapi": "%Y-%m-%d %H:%M:%S.%f", "datasette": "%Y-%m-%dT%H:%M:%SZ"}
"""Server to the format of moments in its database: Django and SQLAlchemy have their own for SQLite."""
