//! `/systems/database/NAME`: the members as a picture, lag three ways, what clients do, and the checks of a switchover as they stand now.

use leptos::prelude::*;

use super::system;
use crate::{
    components::{
        LINE, cell, cell_figure, cell_name, cell_wide, counted, counts, crumbs, empty, figures, health, line, mark, meter, outcome, panel,
        reading_panel, row, sentence, shown, table, words,
    },
    model::{
        CheckOutcome, ConnectionTable, DatabaseStanding, DatabaseView, Health, LockWait, MemberNode, MemberRole, Readiness, ReplicaLag,
        Value,
    },
    render::{LivePage, Page, Part},
};

impl Page for DatabaseView {
    fn view(&self) -> AnyView {
        let standing = match &self.standing {
            Some(standing) => members(standing),
            None => panel(
                "db-members",
                "Members",
                "not read yet",
                empty("The members stand here after the first look, which comes within seconds."),
            ),
        };
        let rest = self.standing.as_ref().map(|standing| {
            view! {
                {lag_panel(standing)}
                {standing.switchover.as_ref().map(|readiness| checks_panel(standing, readiness))}
                <div class="split" data-split="halves">{connections_panel(standing)}{transactions_panel(standing)}</div>
                {locks_panel(standing)}
            }
        });
        let readings: Vec<_> = self.system.readings.iter().map(system::reading).collect();
        view! {
            {crumbs(&[("Systems", "/systems")], self.system.system.name())}
            {system::title(&self.system)}
            {standing}
            {rest}
            <div class="split" data-split="halves">{readings}</div>
            {system::changes_panel(&self.system.changes)}
        }
        .into_any()
    }
}

impl LivePage for DatabaseView {
    fn parts(&self) -> Vec<Part> {
        let mut parts = vec![Part::new("system-head", system::title(&self.system))];
        if let Some(standing) = &self.standing {
            parts.push(Part::new("db-members", members(standing)));
            parts.push(Part::new("db-lag", lag_panel(standing)));
            if let Some(readiness) = &standing.switchover {
                parts.push(Part::new("db-checks", checks_panel(standing, readiness)));
            }
            parts.push(Part::new("db-connections", connections_panel(standing)));
            parts.push(Part::new("db-transactions", transactions_panel(standing)));
            parts.push(Part::new("db-locks", locks_panel(standing)));
        }
        parts.extend(self.system.readings.iter().map(|shown| Part::new(system::reading_id(shown), system::reading(shown))));
        parts.push(Part::new("changes", system::changes_panel(&self.system.changes)));
        parts
    }
}

/// The picture: who leads on the left, who follows on the right, each at the end of its wire.
fn members(standing: &DatabaseStanding) -> AnyView {
    let (leads, others): (Vec<_>, Vec<_>) = standing.members.iter().partition(|member| member.role == MemberRole::Primary);
    let leaders = if leads.is_empty() {
        view! { <div class="node" data-role="none"><b>{mark(Health::Down)}"nobody"</b><span>"No member takes writes."</span></div> }
            .into_any()
    } else {
        leads.iter().map(|member| node(member)).collect::<Vec<_>>().into_any()
    };
    let followers: Vec<_> = others.iter().map(|member| view! { <li>{wire(member)}{node(member)}</li> }).collect();
    let followers = (!followers.is_empty()).then(|| view! { <ul class="followers">{followers}</ul> });
    let note =
        [standing.products.as_str(), standing.note.as_str()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
    let body = view! { <div class="topo pad"><div class="leaders">{leaders}</div>{followers}</div> };
    reading_panel("db-members", "Members", &note, &standing.seen, body)
}

fn node(member: &MemberNode) -> AnyView {
    let lines: Vec<_> = member.lines.iter().map(|text| view! { <small>{shown(text, LINE)}</small> }).collect();
    view! {
        <div class="node" data-role=member.role.word()>
            <b>{line(&member.name)}", "{member.role.word()}</b>
            <span>{health(member.health)}", "{sentence(&member.state)}</span>
            {lines}
        </div>
    }
    .into_any()
}

/// The way from the leader; broken where nothing passes.
fn wire(member: &MemberNode) -> AnyView {
    let broken = (member.health == Health::Down || member.role == MemberRole::Unknown).then_some("true");
    view! {
        <div class="wire" data-broken=broken>
            <small>{shown(&member.wire, LINE)}</small>
            <svg viewBox="0 0 160 10" preserveAspectRatio="xMaxYMid slice" aria-hidden="true"><path d="M-400 5H158M152 1l6 4-6 4"></path></svg>
        </div>
    }
    .into_any()
}

fn lag_panel(standing: &DatabaseStanding) -> AnyView {
    if standing.lags.is_empty() {
        let text = "There is no replica. Its lag would stand here three ways: bytes to receive, bytes to replay, and time.";
        return reading_panel("db-lag", "Lag", "no replica", &standing.seen, empty(text));
    }
    let rows: Vec<_> = standing.lags.iter().map(lag).collect();
    let note = format!("three ways; {}", counted(standing.lags.len(), "replica", "replicas"));
    reading_panel("db-lag", "Lag", &note, &standing.seen, view! { <div class="lags">{rows}</div> })
}

fn lag(lag: &ReplicaLag) -> AnyView {
    let receiver = if lag.receives { Health::Ok } else { Health::Down };
    let receiver = view! { <p class="pad lag-name"><b>{line(&lag.name)}</b>" "{health(receiver)}", "{shown(&lag.receiver, LINE)}</p> };
    view! { {receiver}{counts(&lag.ways, None)} }.into_any()
}

fn checks_panel(standing: &DatabaseStanding, readiness: &Readiness) -> AnyView {
    let bad = |outcome| readiness.checks.iter().filter(|check| check.outcome == outcome).count();
    let verdict = match (&readiness.candidate, readiness.is_possible()) {
        (Some(candidate), true) => format!("to {candidate}: possible now"),
        (Some(candidate), false) => {
            format!("to {candidate}: refused now, {} fail and {} unknown", bad(CheckOutcome::Fail), bad(CheckOutcome::Unknown))
        }
        (None, _) => "nobody to switch over to".to_owned(),
    };
    // In their own order, unlike in a plan: what changes while one looks stays in its place.
    let rows = readiness
        .checks
        .iter()
        .enumerate()
        .map(|(at, check)| {
            row(view! {
                {cell_name(view! { <small>{at + 1}" "</small>{sentence(&check.title)} })}
                {cell_wide("Measured", line(&check.value))}
                {cell("Result", outcome(check.outcome))}
            })
        })
        .collect();
    let columns = [words("Check"), words("Measured"), words("Result")];
    let others: Vec<_> = readiness
        .candidates
        .iter()
        .map(|(name, fit, why)| {
            let fits = if *fit { Health::Ok } else { Health::Down };
            view! { <li>{mark(fits)}<b>{line(name)}</b>{if *fit { ", could lead: " } else { ", cannot lead: " }}{sentence(why)}</li> }
        })
        .collect();
    let others = if others.is_empty() {
        empty("No other member is there that could lead.")
    } else {
        view! { <ul class="pad candidates">{others}</ul> }.into_any()
    };
    let body = view! { {others}{table("Table of the checks of a switchover", &columns, rows)} };
    reading_panel("db-checks", "Switchover", &verdict, &standing.seen, body)
}

fn connections_panel(standing: &DatabaseStanding) -> AnyView {
    let Some(connections) = &standing.connections else {
        return reading_panel(
            "db-connections",
            "Who is connected",
            "not seen",
            &standing.seen,
            empty("The leader does not tell who is connected."),
        );
    };
    let ConnectionTable { of, used, max, reserved, rows, others } = connections;
    let share = |part: u64| part as f64 / (*max).max(1) as f64;
    let body = rows
        .iter()
        .map(|application| {
            row(view! {
                {cell_name(line(&application.application))}
                {cell_figure("Active", application.active)}
                {cell_figure("Idle", application.idle)}
                {cell_figure("Idle in transaction", application.in_transaction)}
                {cell("Share", meter(share(application.all), format!("{} of {max} connections", application.all)))}
                {cell_figure("All", application.all)}
            })
        })
        .collect();
    let columns =
        [words("Application"), figures("Active"), figures("Idle"), figures("Idle in transaction"), words("Share"), figures("All")];
    let more = (*others > 0).then(|| view! { <p class="pad more-line">{format!("{others} of other applications not shown.")}</p> });
    let note = format!("{used} of {max} on {of}, {reserved} kept for administrators");
    reading_panel(
        "db-connections",
        "Who is connected",
        &note,
        &standing.seen,
        view! { {table("Table of connections", &columns, body)}{more} },
    )
}

fn transactions_panel(standing: &DatabaseStanding) -> AnyView {
    if standing.transactions.is_empty() {
        return reading_panel("db-transactions", "Longest transactions", "none", &standing.seen, empty("No transaction is open."));
    }
    let rows = standing
        .transactions
        .iter()
        .map(|open| {
            let waits = (!open.waits_for.is_empty()).then(|| view! { <br/><small>"waits for "{line(&open.waits_for)}</small> });
            row(view! {
                {cell_name(view! { {line(&open.application)}<br/><small>{line(&open.user)}", process "{open.pid}</small> })}
                {cell("Member", line(&open.member))}
                {cell_wide("Does", view! { {line(&open.state)}{waits} })}
                {cell_figure("Open for", Value::Duration(open.seconds).text())}
            })
        })
        .collect();
    let columns = [words("Application"), words("Member"), words("Does"), figures("Open for")];
    let note = counted(standing.transactions.len(), "open", "open");
    reading_panel("db-transactions", "Longest transactions", &note, &standing.seen, table("Table of open transactions", &columns, rows))
}

fn locks_panel(standing: &DatabaseStanding) -> AnyView {
    if standing.locks.is_empty() {
        return reading_panel("db-locks", "Who blocks whom", "nobody", &standing.seen, empty("Nobody waits for a lock of somebody else."));
    }
    let roots: Vec<_> = standing.locks.iter().map(wait).collect();
    let note = counted(standing.locks.len(), "holds others up", "hold others up");
    reading_panel("db-locks", "Who blocks whom", &note, &standing.seen, view! { <ul class="tree pad">{roots}</ul> })
}

fn wait(lock: &LockWait) -> AnyView {
    let inner: Vec<_> = lock.blocks.iter().map(wait).collect();
    let inner = (!inner.is_empty()).then(|| view! { <ul>{inner}</ul> });
    view! { <li><b>{lock.pid}</b>" "{sentence(&lock.says)}{inner}</li> }.into_any()
}
