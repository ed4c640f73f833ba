//! `/wall`: one screen, no scrolling, read from five metres: the path, what is wrong, one tile for each layer, the time.

use chrono::SecondsFormat;
use leptos::prelude::*;

use crate::{
    components::{
        age, ago, clock, fresh_class, health, health_as, hidden_word, last_read, mark, no_data_since, path_on_a_wall, shown, stale,
        system_label, time_of_day,
    },
    model::{Health, Problem, Running, Seen, Wall, WallTile},
    render::{LivePage, Page, Part},
};

/// The longest name or sentence on a wall, in characters; the style sheet cuts what has no room.
const LINE: usize = 120;

impl Page for Wall {
    fn view(&self) -> AnyView {
        view! {
            <div class="wall-head">
                <h1>{shown(&self.estate, LINE)}" "{shown(&self.environment, LINE)}</h1>
                {state(self)}
                {data(self.data.as_ref())}
                {time(self)}
            </div>
            {path(self)}
            {problems(self)}
            {tiles(self)}
        }
        .into_any()
    }
}

impl LivePage for Wall {
    fn parts(&self) -> Vec<Part> {
        vec![
            Part::new("wall-state", state(self)),
            Part::new("data", data(self.data.as_ref())),
            Part::new("wall-time", time(self)),
            Part::new("wall-path", path(self)),
            Part::new("wall-problems", problems(self)),
            Part::new("wall-tiles", tiles(self)),
        ]
    }
}

/// How the estate is, in a shape and a few words. Loud when something is down, and nothing else is.
fn state(wall: &Wall) -> AnyView {
    let words = match &wall.tally {
        Some(tally) => health_as(wall.health, shown(tally, LINE).into_any()),
        None => health(wall.health),
    };
    let plate = (wall.health == Health::Down).then_some("true");
    view! { <p id="wall-state" class="wall-state" data-plate=plate data-voice=wall.tally.clone()>{words}</p> }.into_any()
}

/// How old the newest data is; where that is too old, since when nothing is seen at all, over the whole screen.
fn data(seen: Option<&Seen>) -> AnyView {
    let Some(seen) = seen else {
        return view! { <div id="data" data-stale="true"><p>"no data yet"</p></div> }.into_any();
    };
    view! {
        <div id="data" class=fresh_class("wall-data", Some(seen)) data-stale=stale(Some(seen)) data-deadline=seen.deadline_ms.to_string()>
            <p class="if-fresh">"live, "{age(seen)}</p>
            <p class="if-stale">"no data"</p>
            <div class="wall-lost">
                <section aria-label="Connection lost">
                    <p><b class="fig">"No data since "{last_read(seen)}" UTC"</b></p>
                    <p>"This wall cannot see the console. What it shows is from then and may be wrong. It tries again by itself."</p>
                    <p class="wall-lost-for">"for "{age(seen)}</p>
                </section>
            </div>
        </div>
    }
    .into_any()
}

/// UTC, which the browser counts on from the server's word; and its own local time, which only a script can tell.
fn time(wall: &Wall) -> AnyView {
    let utc = wall.clock;
    view! {
        <div id="wall-time" class="wall-time">
            <p>
                <time
                    class="fig"
                    datetime=utc.to_rfc3339_opts(SecondsFormat::Secs, true)
                    data-utc=utc.timestamp_millis().to_string()
                >
                    {utc.format("%H:%M:%S").to_string()}
                </time>
                " UTC"
            </p>
            <p class="wall-local"><span class="fig" data-local="time"></span>" "<span data-local="zone"></span></p>
        </div>
    }
    .into_any()
}

fn path(wall: &Wall) -> AnyView {
    let drawn = if wall.path.hops.is_empty() {
        view! { <p>"The way of a request would be drawn here. Name its hops under " <code>"path"</code> " in the estate file."</p> }
            .into_any()
    } else {
        path_on_a_wall(&wall.path)
    };
    view! { <section id="wall-path" class="wall-path" aria-labelledby="h-wall-path"><h2 class="sr" id="h-wall-path">"Request path"</h2>{drawn}</section> }
        .into_any()
}

fn problems(wall: &Wall) -> AnyView {
    let tight = (wall.problems.len() + usize::from(wall.more > 0) > 2).then_some("true");
    let list: Vec<_> = wall.problems.iter().map(problem).collect();
    let more = (wall.more > 0).then(|| view! { <li class="wall-more">"and "{wall.more}" more"</li> });
    let body = if list.is_empty() {
        view! { <p class="wall-calm">"Nothing is past its limit."</p> }.into_any()
    } else {
        view! { <ul>{list}{more}</ul> }.into_any()
    };
    view! {
        <section id="wall-problems" class="wall-problems" data-tight=tight aria-labelledby="h-wall-problems">
            <h2 class="sr" id="h-wall-problems">"Problems"</h2>
            {body}
        </section>
    }
    .into_any()
}

fn problem(problem: &Problem) -> AnyView {
    let seen = Some(&problem.seen);
    let why = match (&problem.affected_by, &problem.cause) {
        (Some(cause), _) => format!("affected by {}", system_label(cause)),
        (None, Some(cause)) => format!("{}: {cause}", problem.health.word()),
        (None, None) => problem.health.word().to_owned(),
    };
    view! {
        <li class=fresh_class("wall-problem", seen) data-stale=stale(seen)>
            {mark(problem.health)}
            <b class="fig">{shown(&system_label(&problem.system), LINE)}": "{shown(&problem.what, LINE)}</b>
            <span class="fig">{ago(&problem.since)}</span>
            <span class="wall-why"><span class="if-fresh">{shown(&why, LINE)}</span>{no_data_since(&problem.seen)}</span>
            <span class="sr">", read "{age(&problem.seen)}" ago"</span>
        </li>
    }
    .into_any()
}

fn tiles(wall: &Wall) -> AnyView {
    let layers: Vec<_> = wall.tiles.iter().enumerate().map(|(at, layer)| tile(at, layer)).collect();
    view! {
        <section id="wall-tiles" class="wall-tiles" aria-labelledby="h-wall-tiles">
            <h2 class="sr" id="h-wall-tiles">"Systems by layer"</h2>
            <ul>{layers}{runs(&wall.running)}</ul>
        </section>
    }
    .into_any()
}

/// One layer. A lost source hatches the whole tile, and says since when in place of the count.
fn tile(at: usize, tile: &WallTile) -> AnyView {
    let seen = tile.seen.as_ref();
    let shape = if seen.is_none() { Health::Unknown } else { tile.health };
    let (ok, of) = tile.ok;
    let count = view! {
        <span class="if-fresh" id=format!("wt{at}") data-part=""><b class="fig">{ok}" of "{of}<i>"ok"</i></b></span>
    };
    let note = if tile.note.is_empty() { "within limits".to_owned() } else { shown(&tile.note, LINE) };
    view! {
        <li class=fresh_class("wall-tile", seen) data-stale=stale(seen)>
            <p>{mark(shape)}{shown(&tile.name, LINE)}{hidden_word(shape)}</p>
            <p>{count}<b class="if-stale fig">"no data"</b></p>
            <p class="s">
                <span class="if-fresh">{note}</span>
                {seen.map(|seen| view! { <span class="if-stale">"no data since "{last_read(seen)}</span><span class="sr">{age(seen)}</span> })}
            </p>
        </li>
    }
    .into_any()
}

fn runs(Running { runs: running, lost }: &Running) -> AnyView {
    if let Some(lost) = lost {
        return view! {
            <li class="wall-tile" data-stale="true">
                <p>"Runs"</p>
                <p><b class="fig">"not known"</b></p>
                <p class="s"><span>"since "{time_of_day(*lost)}</span></p>
            </li>
        }
        .into_any();
    }
    let first = running
        .first()
        .map_or_else(|| "none under way".into_any(), |run| view! { {shown(&run.title, LINE)}", "{clock(run.elapsed_ms, true)} }.into_any());
    view! {
        <li class="wall-tile">
            <p>"Runs"</p>
            <p><b class="fig">{running.len()}<i>"running"</i></b></p>
            <p class="s">{first}</p>
        </li>
    }
    .into_any()
}
