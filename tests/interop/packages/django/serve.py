"""django-scim2 or django-scim2-server, in memory and on loopback.

    python serve.py PACKAGE TOKEN

Each /STORE/scim/v2 is empty when it is requested for the first time, and the store before it is
gone. Prints "Serving URL" once it listens, and ends when its standard input does.
"""

from __future__ import annotations

import os
import sys
import threading
from importlib import import_module
from types import SimpleNamespace
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.urls import include, re_path

PACKAGE, TOKEN = sys.argv[1:]
SETTINGS = {
    "django-scim2": {
        "INSTALLED_APPS": ["accounts", "django_scim"],
        "AUTH_USER_MODEL": "accounts.Account",
        "SCIM_SERVICE_PROVIDER": {
            "NETLOC": "127.0.0.1",
            "SCHEME": "http",
            "GROUP_MODEL": "accounts.models.Company",
            "AUTHENTICATION_SCHEMES": [{"type": "oauthbearertoken", "name": "bearer"}],
        },
    },
    "django-scim2-server": {
        "INSTALLED_APPS": ["django_scim2_server"],
        "SCIM2_SERVER_AUTH_CHECK": "django_scim2_server.auth.is_authenticated",
    },
}[PACKAGE]
URLS = {"django-scim2": "django_scim.urls", "django-scim2-server": "django_scim2_server.urls"}

stores = [""]
urlpatterns = []


def tokens(get_response):
    """Let in who knows the token, and empty the database for a new store."""

    def respond(request):
        store = request.path.split("/")[1]
        if store != stores[-1]:
            call_command("flush", interactive=False, verbosity=0)
            stores.append(store)
        known = request.headers.get("Authorization") == f"Bearer {TOKEN}"
        request.user = SimpleNamespace(is_authenticated=known, is_anonymous=not known)
        request.path_info = request.path.removeprefix(f"/{store}")
        return get_response(request)

    return respond


class Quiet(WSGIRequestHandler):
    """Writes no log."""

    def log_message(self, *_):
        """Do nothing."""


def main() -> None:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        LOGGING_CONFIG=None,
        MIDDLEWARE=["__main__.tokens"],
        ROOT_URLCONF="__main__",
        SECRET_KEY="only-for-tests",
        USE_TZ=True,
        **{
            **SETTINGS,
            "INSTALLED_APPS": [
                "django.contrib.auth",
                "django.contrib.contenttypes",
                *SETTINGS["INSTALLED_APPS"],
            ],
        },
    )
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
    patterns = import_module(URLS[PACKAGE])
    urlpatterns.append(re_path("^scim/v2/", include(patterns)))
    with WSGIServer(("127.0.0.1", 0), Quiet) as server:
        server.set_app(get_wsgi_application())
        threading.Thread(target=end_with_input, daemon=True).start()
        print(f"Serving http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()


def end_with_input() -> None:
    """End the process once nobody holds its standard input."""
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
