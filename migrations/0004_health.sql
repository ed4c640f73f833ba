-- Changes of health, so that "since when" survives a restart.

create table health_changes (
    id      bigint generated always as identity primary key,
    probe   text not null,
    system  text not null,
    -- the words of app::model::Health
    from_health text constraint health_changes_from_known check (from_health in ('ok', 'unknown', 'degraded', 'down')),  -- null: the first ever seen
    to_health text not null constraint health_changes_to_known check (to_health in ('ok', 'unknown', 'degraded', 'down')),
    summary text not null
            constraint health_changes_summary_short check (octet_length(summary) <= 2000),
    at      timestamptz not null,
    constraint health_changes_change check (from_health is distinct from to_health)
);
create index health_changes_latest on health_changes (probe, system, id desc);
create index health_changes_by_system on health_changes (system, id desc);
create index health_changes_by_time on health_changes (at);
