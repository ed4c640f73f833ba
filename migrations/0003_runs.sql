-- Plans, the runs that carry them out, and who holds which target.

create table plans (
    id          text primary key            -- 128 random bits in hex: it stands in an address
                constraint plans_id_shape check (id ~ '^[0-9a-f]{32}$'),
    account_id  bigint not null constraint plans_account references accounts (id),
    runbook     text not null,
    target      text not null,
    body        text not null               -- JSON of app::model::PlanBody
                constraint plans_body_small check (octet_length(body) <= 262144),
    fingerprint bytea not null              -- SHA-256 over what must not have changed when it runs
                constraint plans_fingerprint_is_a_hash check (octet_length(fingerprint) = 32),
    created_at  timestamptz not null default now(),
    expires_at  timestamptz not null        -- compared with this database's clock only
                constraint plans_expire_after_they_are_made check (expires_at > created_at)
);
create index plans_by_expiry on plans (expires_at);

create table runs (
    id           bigint generated always as identity primary key,   -- "run 1482"
    plan_id      text not null
                 constraint runs_plan references plans (id)
                 constraint runs_plan_once unique,                  -- what was previewed runs once
    request_key  text not null
                 constraint runs_request_key_shape check (request_key ~ '^[0-9A-Za-z_-]{16,64}$')
                 constraint runs_request_key_once unique,           -- a double click is the same run
    runbook      text not null,
    title        text not null,
    target       text not null,
    state        text not null default 'queued'
                 -- the words of app::model::RunState
                 constraint runs_state_known check (state in
                     ('queued', 'running', 'cancelling', 'unknown', 'succeeded', 'succeeded_elsewhere', 'failed', 'cancelled', 'refused')),
    sentence     text not null,
    account_id   bigint not null constraint runs_account references accounts (id),
    asked_by     text not null,             -- the account's name as it was
    reason       text not null
                 constraint runs_reason_short check (octet_length(reason) <= 2000),
    cancel_asked_by text,                   -- who asked it to stop
    created_at   timestamptz not null default now(),
    started_at   timestamptz,
    ended_at     timestamptz,
    lease_holder text,                      -- the replica that executes it
    lease_until  timestamptz,               -- past: any replica may adopt it
    heard_at     timestamptz,               -- when its executor was last heard of
    fence        bigint not null default 0  -- grows with every claim; a write with an older one is refused
                 constraint runs_fence_not_negative check (fence >= 0),
    -- an ending has a time, and only an ending has one
    constraint runs_ended_when_ended check
        ((ended_at is not null) = (state in ('succeeded', 'succeeded_elsewhere', 'failed', 'cancelled', 'refused'))),
    -- what has ended is held by nobody
    constraint runs_ended_has_no_lease check (ended_at is null or lease_holder is null),
    constraint runs_lease_is_whole check ((lease_holder is null) = (lease_until is null))
);
create index runs_open on runs (id) where ended_at is null;
create index runs_by_target on runs (target, runbook, id);

create table run_steps (
    run_id     bigint not null constraint run_steps_run references runs (id) on delete cascade,
    no         integer not null             -- its place in the plan, from 0
               constraint run_steps_no_not_negative check (no >= 0),
    title      text not null,
    detail     text not null,
    state      text not null default 'waiting'
               -- the words of app::model::StepState
               constraint run_steps_state_known check (state in ('waiting', 'running', 'done', 'failed', 'unknown', 'skipped')),
    usual_s    bigint constraint run_steps_usual_not_negative check (usual_s >= 0),
    limit_s    bigint not null constraint run_steps_limit_not_negative check (limit_s >= 0),
    started_at timestamptz,                 -- set with the intent, before the effect
    ended_at   timestamptz,
    done       bigint,
    total      bigint,                      -- done 3 of a total of 5
    output_head text not null default '',   -- the first lines …
    output_tail text not null default '',   -- … and the last ones
    output_left_out bigint not null default 0,  -- how many lines were between
    constraint run_steps_output_small check (octet_length(output_head) + octet_length(output_tail) <= 65536),
    constraint run_steps_progress_is_whole check ((done is null) = (total is null)),
    constraint run_steps_ended_after_start check (ended_at is null or started_at is not null),
    primary key (run_id, no)
);

-- One run per target, across all runbooks and replicas: held by the primary key, not by anyone's care.
create table target_locks (
    target text primary key,
    run_id bigint not null constraint target_locks_run references runs (id),
    since  timestamptz not null default now()
);
create index target_locks_by_run on target_locks (run_id);
