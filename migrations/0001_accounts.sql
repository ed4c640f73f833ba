-- Who may sign in, and who is signed in.

create table accounts (
    id          bigint generated always as identity primary key,
    name        text not null
                -- what stands in the audit must be one word that can be read aloud and typed
                constraint accounts_name_shape check (name ~ '^[a-z0-9][a-z0-9._@-]{0,63}$')
                -- these are actors of the audit that are nobody's account
                constraint accounts_name_not_reserved check (name not in ('console', 'nobody'))
                constraint accounts_name_once unique,
    -- argon2id, in the PHC text form that carries its own parameters and salt
    password_hash text not null
                constraint accounts_password_is_argon2id check (password_hash like '$argon2id$%'),
    role        text not null
                -- the words of app::model::Role
                constraint accounts_role_known check (role in ('viewer', 'auditor', 'responder', 'operator', 'admin')),
    created_at  timestamptz not null default now(),
    disabled_at timestamptz                 -- set: no sign-in, and every session ends within a second
);

create table sessions (
    id_hash    bytea primary key            -- SHA-256 of the cookie: who reads this table cannot become anyone
               constraint sessions_id_is_a_hash check (octet_length(id_hash) = 32),
    account_id bigint not null constraint sessions_account references accounts (id) on delete cascade,
    data       text not null                -- JSON
               constraint sessions_data_small check (octet_length(data) <= 8192),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null         -- absolute: use does not move it
);
create index sessions_by_account on sessions (account_id);
create index sessions_by_expiry on sessions (expires_at);

-- Wrong passwords of the last minutes, so that guessing is slow on every replica.
create table sign_in_failures (
    scope     text not null
              constraint sign_in_failures_scope_known check (scope in ('account', 'address')),
    subject   text not null                 -- the name as typed (also one that nobody has), or the address
              constraint sign_in_failures_subject_short check (octet_length(subject) between 1 and 128),
    failed_at timestamptz not null default now()
);
create index sign_in_failures_by_subject on sign_in_failures (scope, subject, failed_at);
create index sign_in_failures_by_time on sign_in_failures (failed_at);

-- One-time links, such as the one by which the first administrator is made.
create table set_up_tokens (
    token_hash bytea primary key            -- SHA-256 of what stands in the link
               constraint set_up_tokens_is_a_hash check (octet_length(token_hash) = 32),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at    timestamptz                  -- set: it has done its work
);
