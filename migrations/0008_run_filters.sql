-- What the list of runs is filtered by, and what the list of runbooks asks of it: the last run of each.

create index runs_by_runbook on runs (runbook, id);
create index runs_by_state on runs (state, id);
create index runs_by_asker on runs (asked_by, id);
create index runs_by_time on runs (created_at);
