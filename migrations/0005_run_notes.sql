-- What a run must know again after a crash: the id of an upload that it began, where a log stood before it changed something.

create table run_notes (
    run_id  bigint not null constraint run_notes_run references runs (id) on delete cascade,
    name    text not null
            constraint run_notes_name_shape check (name ~ '^[a-z][a-z0-9_]{0,31}$'),
    value   text not null
            constraint run_notes_value_small check (octet_length(value) <= 8192),
    kept_at timestamptz not null default now(),
    primary key (run_id, name)
);
