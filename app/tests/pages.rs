//! What every page keeps, whatever values it is given.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod samples;

use app::{
    components,
    model::*,
    render::{LivePage, document, fragments, main_of},
};
use leptos::prelude::*;

/// Every page in every state that the samples know, by name.
fn mains() -> Vec<(&'static str, String)> {
    vec![
        ("overview", main_of(&samples::overview())),
        ("overview, cut", main_of(&samples::overview_cut())),
        ("overview, stale", main_of(&samples::overview_stale())),
        ("overview, empty", main_of(&samples::overview_empty())),
        ("clusters", main_of(samples::clusters().as_slice())),
        ("cluster", main_of(&samples::cluster())),
        ("cluster, stale", main_of(&samples::cluster_stale())),
        ("workload", main_of(&samples::workload())),
        ("systems", main_of(&samples::systems())),
        ("system", main_of(&samples::system())),
        ("database", main_of(&samples::database())),
        ("database, stale", main_of(&samples::database_stale())),
        ("database, not read", main_of(&DatabaseView { system: samples::system(), standing: None })),
        ("edge", main_of(&samples::edge())),
        ("edge, stale", main_of(&samples::edge_stale())),
        ("edge, empty", main_of(&samples::edge_empty())),
        ("cache", main_of(&samples::cache())),
        ("cache, lost", main_of(&samples::cache_lost())),
        ("cache, stale", main_of(&samples::cache_stale())),
        ("cache, unread", main_of(&samples::cache_unread())),
        ("backups", main_of(&samples::backups())),
        ("backups, none", main_of(&samples::backups_none())),
        ("backups, stale", main_of(&samples::backups_stale())),
        ("backups, unread", main_of(&samples::backups_unread())),
        ("runbooks", main_of(&samples::runbooks())),
        ("runbooks, none matches", main_of(&samples::runbooks_none_matches())),
        ("runbook", main_of(&samples::runbook_form())),
        ("runbook, refused", main_of(&samples::runbook_form_refused())),
        ("plan", main_of(&samples::plan())),
        ("plan, instead", main_of(&samples::plan_instead())),
        ("plan, danger", main_of(&samples::plan_danger())),
        ("plan, moved", main_of(&samples::plan_moved())),
        ("run", main_of(&samples::run())),
        ("run, failed", main_of(&samples::run_failed())),
        ("run, unknown", main_of(&samples::run_unknown())),
        ("runs", main_of(&samples::runs())),
        ("runs, none matches", main_of(&samples::runs_none_matches())),
        ("runs, bad filter", main_of(&samples::runs_bad_filter())),
        ("audit", main_of(&samples::audit())),
        ("audit, story", main_of(&samples::audit_story())),
        ("search", main_of(&samples::found())),
        ("search, nothing", main_of(&samples::found_nothing())),
        ("help", main_of(&samples::help())),
        ("sign-in", main_of(&samples::sign_in_refused())),
        ("set-up", main_of(&samples::set_up())),
        ("refusal", main_of(&samples::refusal())),
        ("wall", main_of(&samples::wall())),
        ("wall, cut", main_of(&samples::wall_cut())),
        ("wall, lost", main_of(&samples::wall_lost())),
        ("wall, empty", main_of(&samples::wall_empty())),
        ("pairing", main_of(&samples::pairing())),
        ("settings", main_of(&samples::my_account())),
        ("sessions", main_of(&samples::sessions())),
        ("accounts", main_of(&samples::accounts())),
        ("account", main_of(&samples::account_made())),
        ("account, refused", main_of(&samples::account_refused())),
        ("set password", main_of(&samples::set_password())),
        ("screens", main_of(&samples::screens())),
    ]
}

fn tile(change: impl FnOnce(&mut Tile)) -> String {
    let mut tile = samples::overview().layers.swap_remove(0).tiles.swap_remove(0);
    tile.health = Health::Ok;
    change(&mut tile);
    components::tile(&tile).to_html()
}

fn is_composed_of_its_parts(page: &impl LivePage) {
    let main = main_of(page);
    for fragment in fragments(page) {
        assert!(fragment.html.contains(&format!(" id=\"{}\"", fragment.id)), "{} carries no such id", fragment.id);
        assert!(main.contains(&fragment.html), "{} is drawn otherwise in the page", fragment.id);
    }
}

#[test]
fn a_page_is_composed_of_exactly_what_replaces_it_live() {
    is_composed_of_its_parts(&samples::overview());
    is_composed_of_its_parts(&samples::overview_cut());
    is_composed_of_its_parts(&samples::cluster());
    is_composed_of_its_parts(&samples::workload());
    is_composed_of_its_parts(&samples::system());
    is_composed_of_its_parts(&samples::database());
    is_composed_of_its_parts(&samples::edge());
    is_composed_of_its_parts(&samples::cache());
    is_composed_of_its_parts(&samples::cache_unread());
    is_composed_of_its_parts(&samples::backups());
    is_composed_of_its_parts(&samples::backups_unread());
    is_composed_of_its_parts(&samples::run());
    is_composed_of_its_parts(&samples::wall());
    is_composed_of_its_parts(&samples::wall_lost());
}

#[test]
fn the_same_value_gives_the_same_bytes() {
    assert_eq!(mains(), mains());
}

#[test]
fn an_id_stands_once_on_a_page() {
    for (name, main) in mains() {
        let mut ids: Vec<_> = main.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "{name}");
    }
}

#[test]
fn a_fragment_whose_ages_alone_grew_is_not_sent_again() {
    let older = |by_s: u64| {
        let mut overview = samples::overview();
        for tile in overview.layers.iter_mut().flat_map(|layer| &mut layer.tiles) {
            tile.seen = tile.seen.map(|_| samples::seen(4, by_s, 15));
        }
        fragments(&overview)
    };
    for (young, old) in older(1).iter().zip(&older(9)) {
        assert_eq!(young.content(), old.content(), "{}", young.id);
    }
    let tiles = |found: Vec<app::render::Fragment>| found.into_iter().filter(|found| found.id == "tile-db").collect::<Vec<_>>();
    assert_ne!(tiles(older(1)), tiles(older(9)), "an age is not drawn at all");
    assert_ne!(tiles(older(1))[0].content(), tiles(older(16))[0].content(), "what becomes stale is sent");
}

#[test]
fn a_figure_that_changed_alone_is_sent_alone() {
    let of = |lag: f64| {
        let mut overview = samples::overview();
        for tile in overview.layers.iter_mut().flat_map(|layer| &mut layer.tiles) {
            tile.figure = tile.figure.clone().map(|_| app::model::Value::Duration(lag));
        }
        let tile = fragments(&overview).into_iter().find(|found| found.id == "tile-db").expect("the sample has it");
        app::render::split(&tile.html)
    };
    let (then, now) = (of(1.0), of(2.0));
    assert_eq!(then.around, now.around);
    let differing: Vec<_> = then.inner.iter().zip(&now.inner).filter(|(then, now)| then != now).map(|(then, _)| then.id.as_str()).collect();
    assert_eq!(differing, ["tile-db-v"]);
    assert!(now.inner[0].html.starts_with("<span") && now.inner[0].html.ends_with("</span>"), "{}", now.inner[0].html);
    assert!(now.inner.iter().any(|part| part.id == "tile-db-s" && part.html.ends_with("</svg>")));
}

#[test]
fn a_part_is_cut_out_whole_whatever_stands_in_it() {
    let split = app::render::split("<p>a<span x id=\"i\" data-part=\"\"><s>1</s><span>2</span> &lt;/span&gt;</span>b<i id=\"n\">c</i></p>");
    assert_eq!(split.around, "<p>ab<i id=\"n\">c</i></p>");
    assert_eq!(split.inner.len(), 1);
    assert_eq!(split.inner[0].html, "<span x id=\"i\" data-part=\"\"><s>1</s><span>2</span> &lt;/span&gt;</span>");
    let broken = "<p>a<span id=\"i\" data-part=\"\">1</p>";
    assert_eq!(app::render::split(broken).around, broken, "what does not end is not taken apart");
}

#[test]
fn a_changed_figure_is_sent_again() {
    let (healthy, cut) = (fragments(&samples::overview()), fragments(&samples::overview_cut()));
    let differing: Vec<_> = healthy.iter().zip(&cut).filter(|(a, b)| a.content() != b.content()).map(|(a, _)| a.id.as_str()).collect();
    assert!(["verdict", "path", "problems", "tile-db"].iter().all(|id| differing.contains(id)), "{differing:?}");
    assert!(!differing.contains(&"tile-frontend"), "{differing:?}");
}

#[test]
fn without_a_reading_nothing_is_drawn_as_ok() {
    let html = tile(|tile| tile.seen = None);
    assert!(html.contains("data-health=\"unknown\""), "{html}");
    assert!(!html.contains("data-health=\"ok\""), "{html}");
}

#[test]
fn unknown_is_drawn_as_neither_ok_nor_broken() {
    let html = tile(|tile| tile.health = Health::Unknown);
    assert!(html.contains("data-health=\"unknown\"") && html.contains(">unknown<"), "{html}");
}

#[test]
fn a_stale_tile_says_since_when_in_place_of_its_value() {
    let html = tile(|tile| {
        tile.figure = Some(Value::Bytes(48_000_000));
        tile.seen = Some(samples::seen(1, 16, 15));
    });
    assert!(html.contains("data-stale=\"true\""), "{html}");
    assert!(html.contains("no data since") && html.contains("14:08:19"), "{html}");
    assert!(!html.contains("class=\"fig\""), "{html}");
}

#[test]
fn a_fresh_tile_hatches_itself_at_its_deadline_where_no_script_runs() {
    let html = tile(|tile| tile.seen = Some(samples::seen(1, 6, 15)));
    assert!(html.contains("class=\"tile fresh-10\""), "{html}");
    let styles = include_str!("../../style/stale.css");
    assert!(styles.contains(".fresh-10 {\n  animation-delay: 10s;"));
}

#[test]
fn a_stale_system_shows_no_figure_and_no_summary_of_then() {
    let html = main_of(&samples::systems());
    let row = html.split("<tr").find(|row| row.contains("endpoint/site")).unwrap();
    assert!(row.contains("no data since") && !row.contains("84 ms"), "{row}");
}

#[test]
fn the_cut_is_one_and_what_waits_for_it_is_affected_not_broken() {
    let html = main_of(&samples::overview_cut());
    assert_eq!(html.matches("data-cut=\"true\"").count(), 1);
    assert_eq!(html.matches("data-relation=\"affected\"").count(), 4);
    assert!(html.contains("itself ok") || html.contains(", itself "));
}

#[test]
fn what_comes_from_outside_stays_text() {
    let mut cluster = samples::cluster();
    cluster.pods = vec![samples::hostile_pod()];
    let mut run = samples::run();
    run.reason = "</dd><script>alert(1)</script>".into();
    for html in [main_of(&cluster), main_of(&run)] {
        assert!(!html.contains("<script"), "{html}");
        assert!(
            !html.chars().any(|letter| letter.is_control() && letter != '\n' || letter == '\u{202e}'),
            "a control character came through"
        );
        assert!(html.len() < 60_000, "a megabyte came through: {} bytes", html.len());
    }
}

#[test]
fn no_page_has_a_style_attribute_or_a_script_of_its_own() {
    for (name, main) in mains() {
        assert!(!main.contains(" style="), "{name}");
        assert!(!main.contains("<script") && !main.contains(" onclick="), "{name}");
    }
}

#[test]
fn every_form_leaves_checking_to_the_server() {
    for (name, main) in mains() {
        for form in main.split("<form").skip(1) {
            let tag = form.split('>').next().unwrap();
            assert!(tag.contains("novalidate"), "{name}: {tag}");
            assert!(tag.contains("method=\"post\"") || tag.contains("role=\"search\""), "{name}: {tag}");
        }
    }
}

#[test]
fn a_refused_form_keeps_what_was_typed_and_says_what_is_wrong_at_the_field() {
    let html = main_of(&samples::runbook_form_refused());
    assert!(html.contains("value=\"10^9\"") && html.contains("aria-invalid=\"true\""), "{html}");
    assert!(html.contains("aria-describedby=\"p-replicas-fault p-replicas-hint\""), "{html}");
    assert!(html.contains("id=\"p-replicas-fault\""), "{html}");
    assert!(main_of(&samples::plan_danger()).contains("value=\"aia-backend\""));
    assert!(!main_of(&samples::sign_in_refused()).contains("type=\"password\" value=\"\u{20}"));
}

#[test]
fn a_plan_that_may_not_run_keeps_its_button_without_a_way_to_send_it() {
    let html = main_of(&samples::plan_instead());
    let form = html.split("<form").find(|form| form.contains("/plans/k3v9/run")).unwrap();
    assert!(form.contains("aria-disabled=\"true\"") && form.contains("type=\"button\""), "{form}");
    assert!(!form.contains("request_key"), "{form}");
    assert!(form.contains("does not hold"), "{form}");
}

#[test]
fn a_better_way_is_a_form_of_its_own_with_its_parameters() {
    let html = main_of(&samples::plan_instead());
    let form = html.split("<form").find(|form| form.contains("action=\"/runbooks/scale-workload/plan\"")).unwrap();
    assert!(form.contains("name=\"minimum\" value=\"8\""), "{form}");
}

#[test]
fn only_what_is_dangerous_asks_for_the_name() {
    assert!(main_of(&samples::plan_danger()).contains("name=\"target\""));
    assert!(!main_of(&samples::plan()).contains("name=\"target\""));
}

#[test]
fn an_unknown_run_is_drawn_as_neither_failed_nor_done() {
    let head = main_of(&samples::run_unknown()).split("</h1>").next().unwrap().to_owned();
    assert!(head.contains("data-health=\"unknown\"") && !head.contains("failed") && !head.contains("succeeded"), "{head}");
}

#[test]
fn the_undo_can_be_planned_only_once_the_run_has_ended() {
    assert!(!main_of(&samples::run()).contains("action=\"/runbooks/undo-rollout/plan\""));
    assert!(main_of(&samples::run_failed()).contains("action=\"/runbooks/undo-rollout/plan\""));
}

#[test]
fn a_viewer_sees_no_way_to_the_audit() {
    let frame = |role| Frame { me: Some(Me { name: "v".into(), role }), ..samples::frame(Place::Overview, "Overview") };
    assert!(!document(&frame(Role::Viewer), "").contains("href=\"/audit\""));
    assert!(document(&frame(Role::Auditor), "").contains("href=\"/audit\""));
    assert!(document(&frame(Role::Viewer), "").contains("href=\"/settings\""), "everybody has an account of their own");
}

#[test]
fn only_a_live_page_reloads_itself_where_no_script_runs() {
    let live = Frame { live: Some((Topic::Overview, 41)), ..samples::frame(Place::Overview, "Overview") };
    let html = document(&live, "<p>x</p>");
    assert!(html.contains("<noscript><meta http-equiv=\"refresh\" content=\"15\"></noscript>"), "{html}");
    assert!(html.contains("data-topic=\"overview\" data-since=\"41\""), "{html}");
    assert!(html.contains("<leptos-island "), "{html}");
    let still = document(&samples::frame(Place::Audit, "Audit"), "<p>x</p>");
    assert!(!still.contains("http-equiv=\"refresh\""), "{still}");
    assert!(
        still.matches("<leptos-island ").count() + 1 == html.matches("<leptos-island ").count(),
        "only a live page has the live island"
    );
}

#[test]
fn runs_that_are_not_known_are_not_shown_as_they_were() {
    let lost = Running { runs: vec![], lost: Some(samples::now()) };
    let known = main_of(&Wall { running: Running::default(), ..samples::wall() });
    assert!(known.contains("none under way"), "{known}");
    let wall = main_of(&Wall { running: lost.clone(), ..samples::wall() });
    assert!(wall.contains("not known") && !wall.contains("none under way"), "{wall}");
    assert_eq!(wall.matches("<li data-stale=\"true\" class=\"wall-tile\">").count(), 1, "{wall}");
    let strip = app::render::strip(&lost).html;
    assert!(strip.contains("data-stale=\"true\"") && strip.contains("not known since ") && !strip.contains("none running"), "{strip}");
}

#[test]
fn a_reason_that_is_shown_again_stays_text() {
    let html = components::reason_field("</textarea><script>1</script> &amp;", None).to_html();
    assert!(!html.contains("<script>") && html.matches("</textarea>").count() == 1 && html.contains("&amp;amp;"), "{html}");
}

#[test]
fn a_refusal_gives_back_what_was_typed_and_no_more() {
    let refusal = Refusal { code: Code::StoreUnavailable, what: "Away.".into(), not_done: String::new(), next: String::new() };
    let typed = [("reason".to_owned(), "</textarea><script>".to_owned() + &"x".repeat(9_000)), ("target".to_owned(), " ".to_owned())];
    let html = main_of(&app::pages::Refused { refusal: &refusal, typed: &typed });
    assert!(html.contains("readonly") && !html.contains("<script>") && html.matches("</textarea>").count() == 1, "{}", html.len());
    assert!(html.len() < 4_000 && !html.contains("typed-target"), "{}", html.len());
    assert!(!main_of(&app::pages::Refused { refusal: &refusal, typed: &[] }).contains("typed"));
}

#[test]
fn a_wall_says_since_when_nothing_is_seen_and_leads_nowhere() {
    let (live, lost) = (main_of(&samples::wall_cut()), main_of(&samples::wall_lost()));
    assert!(!live.contains("<a "), "nobody stands before it to follow a link");
    assert!(live.contains("data-plate=\"true\"") && !live.contains("<div id=\"data\" data-stale"), "{live}");
    assert!(lost.contains("<div id=\"data\" data-stale=\"true\""), "{lost}");
    let hatched = lost.matches("<li data-stale=\"true\" class=\"wall-tile\">").count();
    assert_eq!(hatched, samples::wall_lost().tiles.len(), "{lost}");
    let frame = Frame { live: Some((Topic::Wall, 41)), ..samples::door("Wall") };
    let document = app::render::wall_document(&frame, &live);
    assert!(document.starts_with("<!doctype html><html lang=\"en\" data-theme=\"wall\">"), "{document}");
    assert!(document.contains("<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>"), "{document}");
    assert!(document.contains("data-topic=\"wall\" data-since=\"41\" data-build=\""), "{document}");
    let waits = app::render::wall_document(&samples::door("Pair this screen"), &main_of(&samples::pairing()));
    assert!(!waits.contains("http-equiv") && !waits.contains("leptos-island"), "{waits}");
}

#[test]
fn a_build_is_named_by_everything_that_a_page_loads() {
    let assets = |css: &str, loader: &str| Assets { css: css.into(), loader: loader.into() };
    let build = |version, css, loader| app::render::build(version, &assets(css, loader));
    let all = [build("1", "a", "b"), build("2", "a", "b"), build("1", "b", "b"), build("1", "a", "a"), build("1", "ab", "")];
    assert!((0..all.len()).all(|at| !all[at + 1..].contains(&all[at])), "{all:?}");
    assert_eq!(all[0], build("1", "a", "b"));
}

#[test]
fn the_script_carries_the_nonce_and_is_left_out_where_there_is_none() {
    let mut frame = samples::frame(Place::Overview, "Overview");
    assert!(!document(&frame, "").contains("<script"));
    frame.assets.loader = "/pkg/quarterdeck.1a2b.js".into();
    assert!(document(&frame, "").contains("<script type=\"module\" src=\"/pkg/quarterdeck.1a2b.js\" nonce=\"bm9uY2U\">"));
}

#[test]
fn the_frame_names_the_environment_the_theme_and_the_request() {
    let frame = Frame { theme: Theme::Dark, ..samples::frame(Place::Overview, "<b>") };
    let html = document(&frame, "");
    assert!(html.starts_with("<!doctype html><html lang=\"en\" data-theme=\"dark\">"), "{html}");
    assert!(html.contains("data-env=\"production\"") && html.contains("0193-5b1e-77aa"), "{html}");
    assert!(html.contains("<title>&lt;b&gt; · AIA production · Quarterdeck</title>"), "{html}");
}

#[test]
fn a_refusal_says_what_happened_what_was_not_done_and_what_next() {
    let refusal = samples::refusal();
    let html = main_of(&refusal);
    assert!(
        [&refusal.what, &refusal.next].iter().all(|words| html.contains(&words.replace('\'', "&#x27;")) || html.contains(*words)),
        "{html}"
    );
    assert!(html.contains("was not started"), "{html}");
}

#[test]
fn a_cache_without_a_master_says_so_and_shows_no_figure_of_before() {
    let main = main_of(&samples::cache_lost());
    assert!(main.contains("No node takes writes") && main.contains("Forced:") && main.contains("data-broken=\"true\""), "{main}");
    assert!(!main.contains("takes writes</span>") && main.contains("No master tells how much it uses"), "{main}");
    let stale = main_of(&samples::cache_stale());
    assert!(stale.matches("data-stale=\"true\"").count() >= 5, "every panel of a reading is hatched");
}

#[test]
fn the_rail_has_what_is_there_and_the_bar_of_a_phone_the_first_of_it() {
    let bare = Frame { kinds: vec![Kind::Endpoint], ..samples::frame(Place::Runs, "Runs") };
    let html = document(&bare, "");
    let rail = html.split_once("<nav").and_then(|(_, nav)| nav.split_once("</nav>")).unwrap().0;
    assert!(!rail.contains("href=\"/clusters\""), "no cluster, no such place");
    let more = rail.split('<').find(|tag| tag.contains("popovertarget=\"more\"")).unwrap();
    assert!(more.contains("aria-current=\"true\""), "what is behind More is marked there: {more}");
    for spot in places(Role::Operator, &bare.kinds) {
        // Once in the list, and once more behind "More" where it has no tab.
        assert_eq!(rail.matches(&format!("href=\"{}\"", spot.path)).count(), if spot.tab { 1 } else { 2 }, "{}: {rail}", spot.title);
        assert_eq!(rail.matches(&format!("data-key=\"{}\"", spot.key)).count(), 1, "{}", spot.title);
    }
}

#[test]
fn the_help_lists_every_place_key_role_and_state() {
    let html = main_of(&samples::help());
    let all = places(Role::Operator, &Kind::ALL).map(|spot| spot.title);
    let all = all.chain(ANYWHERE.iter().chain(IN_THE_PALETTE).map(|stroke| stroke.does));
    let all = all.chain(Role::ALL.iter().map(|role| role.word())).chain(RunState::ALL.iter().map(|state| state.label()));
    for words in all {
        assert!(html.contains(&words.replace('\'', "&#x27;")) || html.contains(words), "{words}");
    }
}

#[test]
fn keys_that_were_switched_off_are_off_in_the_page() {
    let frame = |keys| Frame { keys, ..samples::frame(Place::Overview, "Overview") };
    assert!(document(&frame(false), "").contains("data-keys=\"off\""));
    assert!(!document(&frame(true), "").contains("data-keys"));
}

#[test]
fn a_list_that_a_filter_left_empty_says_what_was_looked_for_and_how_to_see_all() {
    let html = main_of(&samples::runs_none_matches());
    assert!(html.contains("No run matches state “failed”, asked by “&lt;b&gt;nora”."), "{html}");
    assert!(html.contains("<a href=\"/runs\">Clear the filter</a>") && !html.contains("<table"), "{html}");
}

#[test]
fn a_filter_that_cannot_be_is_told_at_its_field_and_kept() {
    let html = main_of(&samples::runs_bad_filter());
    assert!(html.contains("value=\"soon\"") && html.contains("aria-invalid=\"true\""), "{html}");
    assert!(html.contains("aria-describedby=\"f-since-fault\"") && html.contains("id=\"f-since-fault\""), "{html}");
    assert!(html.contains("No run was looked for"), "{html}");
}

#[test]
fn only_who_may_take_the_audit_out_sees_the_way() {
    assert!(main_of(&samples::audit()).contains("action=\"/audit/export\""));
    assert!(!main_of(&samples::audit_story()).contains("action=\"/audit/export\""));
}

#[test]
fn one_is_not_many() {
    let mut form = samples::runbook_form();
    form.card.targets.truncate(1);
    assert!(main_of(&form).contains("1 system of this estate"));
    assert!(main_of(&samples::runbook_form()).contains("2 systems of this estate"));
}

#[test]
fn the_edge_shows_what_differs_and_hatches_what_is_old() {
    let main = main_of(&samples::edge());
    assert!(main.contains("3 of 60 past the limit") && main.contains("34.118.226.9") && main.contains("58 ms of 100 ms"), "{main}");
    let stale = main_of(&samples::edge_stale());
    assert_eq!(stale.matches("data-stale=\"true\"").count(), 5, "counts and every row");
}
