-- Screens that hang on a wall: they read one page, carry no person, and are never signed out.

create table devices (
    id              bigint generated always as identity primary key,
    name            text not null           -- where it hangs
                    constraint devices_name_shape
                    check (char_length(name) between 1 and 60 and name = btrim(name) and name !~ '[[:cntrl:]]'),
    token_hash      bytea not null          -- SHA-256 of its cookie: who reads this table cannot become a screen
                    constraint devices_token_once unique
                    constraint devices_token_is_a_hash check (octet_length(token_hash) = 32),
    created_by      text not null,          -- the account that confirmed it; "console" from the command line
    created_at      timestamptz not null default now(),
    last_used_at    timestamptz,
    last_address    text constraint devices_address_short check (octet_length(last_address) <= 64),
    revoked_at      timestamptz,            -- set: its stream ends within a second, and its token opens nothing
    revoked_by      text,
    refused_at      timestamptz,            -- when a use after that was last recorded: it tries for ever, the audit need not
    -- a link that hands the token to a browser, made on the command line; SHA-256 of what stands in it
    link_hash       bytea constraint devices_link_once unique
                    constraint devices_link_is_a_hash check (octet_length(link_hash) = 32),
    link_expires_at timestamptz
);
create unique index devices_name_once on devices (lower(name)) where revoked_at is null;

-- Screens that show a code and wait for an administrator to confirm it.
create table device_codes (
    token_hash bytea primary key            -- by which the screen will be known
               constraint device_codes_token_is_a_hash check (octet_length(token_hash) = 32),
    code       text not null                -- letters and digits without look-alikes; worth nothing without an administrator
               constraint device_codes_code_once unique
               constraint device_codes_code_shape check (code ~ '^[ACDEFGHJKMNPQRTVWXY34679]{8}$'),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);
create index device_codes_by_expiry on device_codes (expires_at);
