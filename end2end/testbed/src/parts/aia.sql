-- AIA's database as its operations guide describes it, with plausible rows. Run once, by psql, on the first leader.
-- The variables come from a file beside this one.
create role aia_user login password :'app_password';
create role qd_watch login password :'watch_password' in role pg_monitor;
create role qd_backup login password :'backup_password' in role pg_read_all_data;
create database aia_production owner aia_user;
\connect aia_production
create extension pg_stat_statements;
set role aia_user;

create table alembic_version (version_num varchar(32) primary key);
insert into alembic_version values ('7f3c1e9a5b20');

create table users (
    id uuid primary key default gen_random_uuid(),
    email text not null unique,
    display_name text not null,
    role text not null default 'member',
    is_active boolean not null default true,
    preferences jsonb not null default '{}',
    created_at timestamptz not null default now(),
    last_login_at timestamptz
);
create table session_logs (
    id bigint generated always as identity primary key,
    user_id uuid not null references users (id) on delete cascade,
    event text not null,
    client_ip inet,
    detail jsonb not null default '{}',
    created_at timestamptz not null default now()
);
create table agent_performance (
    id bigint generated always as identity primary key,
    agent_id text not null,
    task text not null,
    duration_ms integer not null,
    tokens integer not null,
    succeeded boolean not null,
    created_at timestamptz not null default now()
);

insert into users (email, display_name, role, is_active, preferences, created_at, last_login_at)
select format('%s.%s@example.org', lower(given), n), format('%s %s', given, family),
       case when n % 97 = 0 then 'admin' when n % 11 = 0 then 'analyst' else 'member' end,
       n % 13 <> 0,
       jsonb_build_object('language', (array['en', 'de', 'nl', 'fr'])[1 + n % 4], 'digest', n % 3 = 0),
       now() - make_interval(days => 400 - n / 6, mins => n % 1440),
       case when n % 13 <> 0 then now() - make_interval(hours => n % 300, mins => n % 60) end
from generate_series(1, 2400) as n,
     lateral (select (array['Ada', 'Grace', 'Edsger', 'Barbara', 'Alan', 'Radia', 'Tony', 'Frances'])[1 + n % 8] as given,
                     (array['Meyer', 'de Vries', 'Okafor', 'Lindqvist', 'Rossi', 'Novak', 'Silva', 'Tanaka', 'Haddad'])[1 + n % 9] as family) as names;

insert into session_logs (user_id, event, client_ip, detail, created_at)
select u.id, (array['signed_in', 'token_refreshed', 'question_asked', 'answer_rated', 'signed_out'])[1 + (n % 5)::int],
       ('10.' || n % 200 || '.' || n % 250 || '.' || 1 + n % 240)::inet,
       jsonb_build_object('agent', 'web', 'latency_ms', 20 + (n * 37) % 400),
       now() - make_interval(mins => 3 * (6000 - n)::int)
from generate_series(1, 6000) as n
join (select id, row_number() over (order by email) as place from users where is_active) as u on u.place = 1 + (n * 7919) % 2200;

insert into agent_performance (agent_id, task, duration_ms, tokens, succeeded, created_at)
select (array['planner', 'researcher', 'writer', 'reviewer', 'translator'])[1 + n % 5],
       (array['outline', 'search', 'draft', 'check', 'translate'])[1 + n % 5],
       180 + (n * 7907) % 4200, 90 + (n * 31) % 3000, n % 29 <> 0,
       now() - make_interval(mins => 4 * (5000 - n)::int)
from generate_series(1, 5000) as n;

reset role;
analyze;
