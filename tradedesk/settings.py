"""Every setting, read from the environment. .env.example lists all the variables."""

import secrets
from pathlib import Path

from celery.schedules import crontab
from django.core.exceptions import ImproperlyConfigured
from django.utils.csp import CSP

from tradedesk import env
from tradedesk.home import Home

BASE_DIR = Path(__file__).resolve().parent.parent
env.load(BASE_DIR)

# Desk: one machine, http on loopback, keys in the home. Production: HTTPS behind a proxy.
PRODUCTION = env.choice("TRADEDESK_MODE", "desk", {"desk", "production"}) == "production"
HOME = Home.at(env.text("TRADEDESK_HOME", "var"), BASE_DIR)
DEBUG = env.flag("DEBUG")
# Set by `desk --tls` too: whether browsers reach us by https.
HTTPS = PRODUCTION or env.flag("TRADEDESK_HTTPS")

SECRET_KEY = env.secret("SECRET_KEY") or ("" if PRODUCTION else HOME.key("secret-key"))
# The first key encrypts, all of them decrypt: that is how keys are changed.
FIELD_ENCRYPTION_KEY = [
    key
    for key in (env.secret("FIELD_ENCRYPTION_KEY") or HOME.key("field-key"))
    .replace(",", " ")
    .split()
    if key
]
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS")
ADMIN_PATH = env.matching(
    "ADMIN_PATH",
    "admin",
    r"/?(?!(login|logout|me|errors|style|static|ws|_panel|healthz|readyz|metrics)\b)[\w-]+(/[\w-]+)*/?",
    "give a path that is not used yet, of letters, digits and hyphens",
)
ADMIN_PATH = ADMIN_PATH.strip("/") + "/"

# What stands here is refused by name before anything starts in production.
if PRODUCTION:
    wrong = {
        "SECRET_KEY is missing or short: give at least 50 random characters": len(SECRET_KEY) < 50,
        "FIELD_ENCRYPTION_KEY is missing: make one with `manage.py make_key`": not FIELD_ENCRYPTION_KEY,
        "DEBUG is on": DEBUG,
        "ALLOWED_HOSTS is empty: name your host": not ALLOWED_HOSTS,
        "ALLOWED_HOSTS has a wildcard": any("*" in host for host in ALLOWED_HOSTS),
        "DATABASE_URL is missing": not env.text("DATABASE_URL"),
        "REDIS_URL is missing": not env.text("REDIS_URL"),
    }
    if reasons := [reason for reason, is_wrong in wrong.items() if is_wrong]:
        raise ImproperlyConfigured("Tradedesk does not start in production: " + "; ".join(reasons))
else:
    ALLOWED_HOSTS += ["127.0.0.1", "localhost", "[::1]"]

# Before a desk's first start there are no keys. Commands like `check` work all the same;
# the encrypted field refuses to write with a key that nobody keeps.
KEYS_ARE_KEPT = bool(SECRET_KEY and FIELD_ENCRYPTION_KEY)
SECRET_KEY = SECRET_KEY or secrets.token_urlsafe(50)
FIELD_ENCRYPTION_KEY = FIELD_ENCRYPTION_KEY or ["A" * 43 + "="]
SECRET_KEY_FALLBACKS = env.secret("SECRET_KEY_FALLBACKS").replace(",", " ").split()

INSTALLED_APPS = [
    "accounts.apps.DeskAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "django.forms",  # its widgets, drawn by our templates
    "django_htmx",
    "channels",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "tradedesk",
    "accounts",
    "orders",
    "portfolio",
    "streaming",
]

MIDDLEWARE = [
    "tradedesk.requests.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "accounts.sessions.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.guard.PeopleMiddleware",
]

ROOT_URLCONF = "tradedesk.urls"
ASGI_APPLICATION = "tradedesk.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tradedesk.shell.shell",
            ],
            "builtins": ["tradedesk.templatetags.desk"],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# Truth in Postgres, everything short-lived in Redis. There is no other kind.
DATABASE_URL = env.text("DATABASE_URL", HOME.database_url)
REDIS_URL = env.address("REDIS_URL", HOME.redis_url, like="redis://:password@host:6379/0")
DATABASES = {"default": env.database(DATABASE_URL, pool=env.number("DATABASE_POOL", 16))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "desk",
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 2},
    }
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            # Without this redis-py hangs up on a socket that was quiet for five seconds.
            "hosts": [{"address": REDIS_URL, "socket_timeout": None}],
            # What is published is heard in every database of a server: two desks may share one.
            "prefix": f"live{env.redis_database(REDIS_URL)}",
        },
    }
}

# Celery. A message is a hint that may come twice or never; the truth is a row in Postgres.
CELERY_BROKER_URL = env.celery_broker(REDIS_URL)
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False  # repeatable tasks say acks_late themselves
CELERY_TASK_SOFT_TIME_LIMIT = 50
CELERY_TASK_TIME_LIMIT = 60
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# Ten times the hard limit of a task; nothing here uses an ETA, which Redis would deliver again.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600, "socket_timeout": 10}
CELERY_TIMEZONE = "Asia/Kolkata"
# How often a logged-in account is asked whether its broker still knows it
SESSION_CHECK_SECONDS = env.number("SESSION_CHECK_SECONDS", 15, least=1)
# Every account that is logged in is synced so often, whether somebody looks or not
SYNC_SECONDS = env.number("SYNC_SECONDS", 300, least=10)
# How old each part may get while somebody looks at it
REFRESH_SECONDS = {
    "orders": env.number("ORDERS_SECONDS", 3, least=1),
    "trades": env.number("ORDERS_SECONDS", 3, least=1),
    "positions": env.number("POSITIONS_SECONDS", 5, least=1),
    "funds": env.number("FUNDS_SECONDS", 10, least=1),
    "gtts": env.number("GTTS_SECONDS", 30, least=1),
    "holdings": env.number("HOLDINGS_SECONDS", 60, least=1),
}
CELERY_BEAT_SCHEDULE = {
    "prove-the-round-trip": {
        "task": "tradedesk.tasks.record_pulse_task",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "end-old-sessions": {
        "task": "accounts.tasks.end_old_sessions_task",
        "schedule": 300.0,
        "options": {"expires": 300},
    },
    "check-sessions": {
        "task": "accounts.tasks.check_sessions_task",
        "schedule": float(SESSION_CHECK_SECONDS),
        "options": {"expires": SESSION_CHECK_SECONDS},
    },
    # The list of the day is due at 08:30 IST; until it is there, this looks again.
    "sync-instruments": {
        "task": "orders.tasks.sync_instruments_task",
        "schedule": crontab(minute="*/5"),
        "options": {"expires": 300},
    },
    "sync-accounts": {
        "task": "portfolio.tasks.sync_all_task",
        "schedule": float(SYNC_SECONDS),
        "options": {"expires": SYNC_SECONDS},
    },
    "refresh-what-is-watched": {
        "task": "portfolio.tasks.refresh_watched_task",
        "schedule": 1.0,
        "options": {"expires": 2},
    },
    "make-coming-months": {
        "task": "orders.tasks.make_months_task",
        "schedule": crontab(hour="*/6", minute="10"),
        "options": {"expires": 3600},
    },
    "note-stops": {
        "task": "orders.tasks.note_stops_task",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "keep-accounts-logged-in": {
        "task": "accounts.tasks.keep_logged_in_task",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
}

# People
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = 3600
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"
REQUIRE_SECOND_FACTOR = env.flag("REQUIRE_SECOND_FACTOR")
# Wrong tries within five minutes until the next one waits.
TRIES_PER_PERSON = env.number("TRIES_PER_PERSON", 5, least=1)
TRIES_PER_ADDRESS = env.number("TRIES_PER_ADDRESS", 20, least=1)
# What links begin with that are made by a command, where no browser says it.
SITE_URL = env.address(
    "SITE_URL",
    f"https://{ALLOWED_HOSTS[0]}/" if PRODUCTION else HOME.address or "http://localhost:8000/",
    like="https://desk.example.in/",
)

ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "accounts.forms.LoginForm",
    "change_password": "accounts.forms.ChangePasswordForm",
    "reauthenticate": "accounts.forms.PasswordAgainForm",
}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]  # no sign-up: this tells how people log in
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"  # the invitation went to the address
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGIN_TIMEOUT = 300
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_RATE_LIMITS = MFA_RATE_LIMITS = False  # accounts.throttle counts
MFA_ADAPTER = "accounts.adapters.MFAAdapter"
MFA_FORMS = {
    "authenticate": "accounts.forms.CodeForm",
    "reauthenticate": "accounts.forms.CodeAgainForm",
    "activate_totp": "accounts.forms.ActivateForm",
    "add_webauthn": "accounts.forms.AddPasskeyForm",
    "edit_webauthn": "accounts.forms.RenamePasskeyForm",
    "authenticate_webauthn": "accounts.forms.PasskeyForm",
    "reauthenticate_webauthn": "accounts.forms.PasskeyAgainForm",
    "login_webauthn": "accounts.forms.PasskeyLoginForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True

SESSION_ENGINE = "accounts.sessions"
SESSION_IDLE_MINUTES = env.number("SESSION_IDLE_MINUTES", 30, least=1)
SESSION_HOURS = env.number("SESSION_HOURS", 12, least=1)
SESSION_COOKIE_AGE = SESSION_HOURS * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
# Ports of one host share their cookies, so two desks on it need names of their own.
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else f"desk-session-{HOME.short}"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else f"desk-csrf-{HOME.short}"
CSRF_FAILURE_VIEW = "tradedesk.errors.csrf_failure"

# What every answer says to the browser
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_HSTS_SECONDS = 63_072_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_SSL_REDIRECT = PRODUCTION
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PRODUCTION else None
# Forwarded headers count only from these peers ("unix" for a Unix socket).
TRUSTED_PROXIES = env.peers("TRUSTED_PROXIES") if PRODUCTION else []
SECURE_CSP: dict[str, list[str]] = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "media-src": [CSP.SELF],
    "manifest-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
    "object-src": [CSP.NONE],
}
PERMISSIONS_POLICY = (
    "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()"
)
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000

# Static files
STATIC_URL = "/static/"
STATIC_ROOT = HOME.path / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "tradedesk.staticfiles.HashedStorage"},
}
WHITENOISE_MAX_AGE = 31_536_000

# Words and times
LANGUAGE_CODE = "en-in"
TIME_ZONE = "Asia/Kolkata"
USE_I18N = False
USE_TZ = True

# Mail. Without a server, links for resets and invitations come by command.
MAIL_SERVER = env.text("EMAIL_HOST")
EMAIL_FROM = DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text("EMAIL_FROM", "desk@localhost")
MAILERS = {
    "default": {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": MAIL_SERVER,
            "port": env.number("EMAIL_PORT", 587),
            "username": env.text("EMAIL_USER"),
            "password": env.secret("EMAIL_PASSWORD"),
            "use_tls": env.flag("EMAIL_TLS", default=True),
            "timeout": 10,
        },
    }
    if MAIL_SERVER
    else {"BACKEND": "tradedesk.mail.NoServer"}
}

# Where a paper exchange runs, if one does; the desk starts one and says where
PAPER_URL = env.address(
    "PAPER_URL", "" if PRODUCTION else HOME.paper_address, like="http://127.0.0.1:8100"
)
PAPER_HOME = Path(env.text("PAPER_HOME", str(HOME.path / "paper")))

# Off makes the whole desk read-only: no order leaves for any account
ENABLE_ORDER_PLACEMENT = env.flag("ENABLE_ORDER_PLACEMENT", default=True)
# How many orders of an account leave in one second at most; brokers stop at ten
env.refuse_old("ORDERS_A_SECOND", now="MAX_ORDERS_PER_SECOND")
MAX_ORDERS_PER_SECOND = env.number("MAX_ORDERS_PER_SECOND", 7, least=1)
# One a second, whatever MAX_ORDERS_PER_SECOND says: the pace that no broker ever minds
CONSERVATIVE = env.flag("CONSERVATIVE")
if CONSERVATIVE:
    MAX_ORDERS_PER_SECOND = 1
# Whether the kill switch presses itself on paper accounts; on real ones it always does
AUTOMATIC_STOPS = env.flag("AUTOMATIC_STOPS", default=True)
# Whether owners may let the desk log in at Kite with a stored password; the exchanges want a person
KITE_AUTOMATIC_LOGIN = env.flag("KITE_AUTOMATIC_LOGIN")
# When it does so, and when people are asked for the log-ins that only they can do (IST)
AUTOMATIC_LOGIN_AT = env.clock("AUTOMATIC_LOGIN_AT", "08:00")
LOGIN_REMINDER_AT = env.clock("LOGIN_REMINDER_AT", "08:30")

# Operating
SENTRY_DSN = env.dsn("SENTRY_DSN")
METRICS_TOKEN = env.secret("METRICS_TOKEN")
DISK_LEAST_MEGABYTES = env.number("DISK_LEAST_MEGABYTES", 200)
LOG_FORMAT = env.choice("LOG_FORMAT", "json" if PRODUCTION else "plain", {"json", "plain"})
LOGGING_CONFIG = "tradedesk.logs.configure"
LOGGING = {
    "format": LOG_FORMAT,
    "level": env.choice("LOG_LEVEL", "info", {"debug", "info", "warning"}),
}
SILENCED_SYSTEM_CHECKS: list[str] = []
