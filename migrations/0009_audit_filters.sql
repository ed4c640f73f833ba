-- What the audit is filtered by besides who, kind, run and target: when, and how it came out.

-- The words of server/src/audit/outcome.rs, by the same rule. Details are canonical JSON, in which a text's own quotes are escaped.
create function audit_outcome(kind text, detail text) returns text
    language sql immutable parallel safe
    as $$ select case
        when kind = 'permission_denied' then 'denied'
        when kind = 'refused' then 'refused'
        when kind = 'sign_in_failed' then 'failed'
        when kind = 'unknown' then 'unknown'
        when kind = 'verified' and strpos(detail, '"intact":false') > 0 then 'failed'
        when kind in ('ended', 'step') and strpos(detail, '"state":"failed"') > 0 then 'failed'
        when kind in ('ended', 'step') and strpos(detail, '"state":"unknown"') > 0 then 'unknown'
        when kind = 'ended' and strpos(detail, '"state":"refused"') > 0 then 'refused'
        when kind = 'ended' and strpos(detail, '"state":"cancelled"') > 0 then 'stopped'
        else 'done'
    end $$;

create index audit_events_by_outcome on audit_events (audit_outcome(kind, detail), seq);
create index audit_events_by_time on audit_events (at);
