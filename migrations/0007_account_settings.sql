-- Keeping accounts: who can be relied on to sign in, since when, and the links by which passwords are set.

-- null: nobody has set one yet, so the account keeps nobody from being locked out
alter table accounts add column password_set_at timestamptz default now();
alter table accounts add column signed_in_at timestamptz;

-- names a session to people; its hash never leaves the store
alter table sessions add column no bigint generated always as identity constraint sessions_no_once unique;

-- at most one for each account: a new one ends the one before it
create table password_links (
    account_id bigint primary key constraint password_links_account references accounts (id) on delete cascade,
    token_hash bytea not null              -- SHA-256 of what stands in the link
               constraint password_links_token_once unique
               constraint password_links_token_is_a_hash check (octet_length(token_hash) = 32),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);
