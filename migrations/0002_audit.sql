-- What was done, tried and refused. Only ever inserted into; each row names the one before it.

create table audit_events (
    seq       bigint primary key            -- no gaps: the first is 1
              constraint audit_events_seq_from_one check (seq >= 1),
    format    smallint not null,            -- how the hash is made of the other columns; see server/src/audit/chain.rs
    at        timestamptz not null,         -- by this database's clock
    actor     text not null                 -- an account's name, 'console', or 'nobody'
              constraint audit_events_actor_short check (octet_length(actor) between 1 and 64),
    kind      text not null
              constraint audit_events_kind_shape check (kind ~ '^[a-z_]{1,32}$'),
    run_id    bigint,                       -- no foreign key: the audit outlives the runs
    target    text
              constraint audit_events_target_short check (octet_length(target) between 1 and 800),
    detail    text not null                 -- canonical JSON; jsonb would rewrite the bytes that are hashed
              constraint audit_events_detail_small check (octet_length(detail) <= 65536),
    prev_hash bytea not null                -- one successor: the chain cannot fork, also with several replicas writing
              constraint audit_events_prev_hash_once unique
              constraint audit_events_prev_hash_is_a_hash check (octet_length(prev_hash) = 32),
    hash      bytea not null
              constraint audit_events_hash_is_a_hash check (octet_length(hash) = 32)
);
create index audit_events_by_run on audit_events (run_id, seq) where run_id is not null;
create index audit_events_by_actor on audit_events (actor, seq);
create index audit_events_by_kind on audit_events (kind, seq);
create index audit_events_by_target on audit_events (target, seq) where target is not null;
