"""Who may use the service of a team: login, sessions, limits, OpenID Connect, secrets, audit."""

from __future__ import annotations

from mlrun_like.settings.setting import Setting

__all__ = ["ACCESS"]

ACCESS: tuple[Setting, ...] = (
    Setting(
        "service_auth",
        str,
        "auto",
        "Who must log in to the service: auto (nobody on loopback as long as there are no users), "
        "required, none.",
    ),
    Setting(
        "service_insecure",
        bool,
        False,
        "Let everyone who reaches the service do everything, even over a network (service_auth="
        "none).",
    ),
    Setting(
        "service_auth_cache",
        float,
        2.0,
        "Seconds for which a checked token or session counts as checked.",
    ),
    Setting(
        "service_hosts",
        str,
        "",
        "Names under which callers may reach the service (Host header), with commas; empty: any, "
        "without login only this machine's.",
    ),
    Setting(
        "service_trusted_proxies",
        str,
        "",
        "Networks of proxies whose X-Forwarded headers count, with commas, such as 10.0.0.0/8.",
    ),
    Setting(
        "service_project_creation", str, "users", "Who may make projects: users (all), admins."
    ),
    Setting(
        "service_session_idle", float, 28_800.0, "Seconds without a request that end a session."
    ),
    Setting("service_session_max", float, 604_800.0, "Seconds after which a session ends anyway."),
    Setting(
        "service_token_days",
        float,
        90.0,
        "Days that a new token holds if nothing else is said; 0: without end.",
    ),
    Setting(
        "service_rate_limit",
        float,
        500.0,
        "Requests per second that one user or token may make; 0: any number.",
    ),
    Setting(
        "service_rate_limit_address",
        float,
        50.0,
        "Requests per second that one address may make without login; 0: any number.",
    ),
    Setting(
        "guarded",
        bool,
        False,
        "Whether this process works for people who have no rights on its machine: messages go to "
        "public addresses only, its environment and files stay its own, and code of projects runs "
        "on engines alone. A service with login turns it on, unless service_execution=process.",
    ),
    Setting(
        "notification_hosts",
        str,
        "",
        "Hosts and networks that are not public, and that messages of a guarded process may go to "
        "all the same, with commas, such as mail.corp,10.1.0.0/16; *: any.",
    ),
    Setting("service_audit_days", float, 365.0, "Days that the audit log is kept; 0: for ever."),
    Setting(
        "service_secret_keys",
        str,
        "",
        "Keys that project secrets are encrypted with (Fernet), with commas, the newest first; "
        "empty: those in the file service.keys in the home folder.",
    ),
    Setting(
        "oidc_issuer",
        str,
        "",
        "Address of the OpenID Connect provider for logins; empty: passwords only.",
    ),
    Setting("oidc_client_id", str, "", "Name under which the provider knows the service."),
    Setting("oidc_client_secret", str, "", "Secret of the service at the provider."),
    Setting("oidc_scopes", str, "openid profile email", "What the provider is asked for."),
    Setting("oidc_label", str, "Log in with single sign-on", "Text of the login page's button."),
    Setting(
        "oidc_name_claim",
        str,
        "preferred_username",
        "Claim that names a new user; without it the e-mail address does.",
    ),
    Setting("oidc_groups_claim", str, "groups", "Claim with the groups of a user."),
    Setting(
        "oidc_admins", str, "", "Groups whose members are administrators of the service, commas."
    ),
    Setting(
        "oidc_roles",
        str,
        "",
        "Roles by group, with commas: GROUP=PROJECT:ROLE, such as data=fraud:developer.",
    ),
    Setting("oidc_create_users", bool, True, "Whether a first login at the provider makes a user."),
    Setting(
        "oidc_domains",
        str,
        "",
        "Domains of e-mail addresses that may log in, with commas; empty: all of the provider's.",
    ),
)
