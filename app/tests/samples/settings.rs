//! The wall and the settings in words.

use app::model::*;

use super::{moment, now, overview, overview_cut, seen};

fn wall_of(overview: Overview, health: Health, data: Option<Seen>) -> Wall {
    let tiles = overview.layers.iter().map(|layer| WallTile {
        name: layer.name.clone(),
        health,
        ok: (layer.tiles.len() - 1, layer.tiles.len()),
        note: String::new(),
        seen: layer.tiles.iter().find_map(|tile| tile.seen),
    });
    Wall {
        estate: "AIA".into(),
        environment: "production".into(),
        health,
        tally: (health != Health::Ok).then(|| "1 down, 2 affected".to_owned()),
        clock: now(),
        tiles: tiles.collect(),
        path: overview.path,
        problems: overview.problems.into_iter().take(2).collect(),
        more: 4,
        running: vec![RunningRun { id: 7, title: "Restart aia-backend-simple".into(), elapsed_ms: 41_000 }].into(),
        data,
    }
}

pub fn wall() -> Wall {
    wall_of(overview(), Health::Ok, Some(seen(1, 1, 11)))
}

pub fn wall_cut() -> Wall {
    wall_of(overview_cut(), Health::Down, Some(seen(1, 1, 11)))
}

pub fn wall_lost() -> Wall {
    let mut wall = wall_of(overview(), Health::Unknown, Some(seen(1, 300, 11)));
    wall.tiles.iter_mut().for_each(|tile| tile.seen = Some(seen(1, 300, 11)));
    wall
}

pub fn wall_empty() -> Wall {
    let path = Path { hops: vec![], verdict: String::new(), figures: vec![] };
    Wall { path, problems: vec![], more: 0, tiles: vec![], running: Running::default(), data: None, tally: None, ..wall() }
}

pub fn pairing() -> Pairing {
    let why = Some("“Hall” was revoked at 14:03:22 UTC.".to_owned());
    Pairing { code: Some("7KQ4-M3XD".into()), left_s: 540, at: "ops.example.org/settings/screens".into(), why }
}

fn session(id: i64, account: &str, mine: bool) -> SessionRow {
    SessionRow {
        id,
        account: account.into(),
        account_id: 3,
        address: "203.0.113.9".into(),
        browser: if mine { "Firefox, Linux".into() } else { String::new() },
        began: moment(4_000),
        left_ms: 39_000_000,
        mine,
    }
}

pub fn my_account() -> MyAccount {
    MyAccount {
        name: "nora".into(),
        role: "admin".into(),
        keeps: true,
        sessions: vec![session(8, "nora", true), session(5, "nora", false)],
        faults: vec![("current".into(), "This is not your current password.".into()), ("x".into(), "Try again.".into())],
        password_hint: "at least 12 characters".into(),
        done: Some("Your password was changed.".into()),
    }
}

pub fn sessions() -> SessionList {
    SessionList { rows: vec![session(8, "nora", true), session(7, "<b>otto</b>", false)], more: 3 }
}

fn account(id: i64, name: &str, role: Role, state: AccountState) -> AccountRow {
    let signed_in = (state == AccountState::Active).then(|| moment(300));
    AccountRow { id, name: name.into(), role, state, made: moment(90_000), signed_in, n_sessions: 2 }
}

pub fn accounts() -> AccountList {
    AccountList {
        rows: vec![
            account(1, "nora", Role::Admin, AccountState::Active),
            account(2, "otto", Role::Operator, AccountState::Invited),
            account(3, "vera", Role::Viewer, AccountState::Disabled),
        ],
        name: "No Name!".into(),
        role: Some(Role::Auditor),
        faults: vec![("name".into(), "Write lower case letters.".into())],
        name_hint: "lower case letters".into(),
    }
}

pub fn account_made() -> AccountView {
    AccountView {
        account: account(2, "otto", Role::Operator, AccountState::Invited),
        mine: false,
        sessions: vec![session(8, "otto", false), session(9, "otto", false)],
        refused: None,
        link: Some(PasswordLink { href: "https://ops.example.org/password?token=00ff".into(), hours: 24 }),
        done: Some("The account was made.".into()),
    }
}

pub fn account_refused() -> AccountView {
    AccountView {
        account: account(1, "nora", Role::Admin, AccountState::Active),
        mine: true,
        sessions: vec![],
        refused: Some("nora is the last administrator who can sign in.".into()),
        link: None,
        done: None,
    }
}

pub fn set_password() -> SetPassword {
    SetPassword {
        token: "00ff".into(),
        account: Some("otto".into()),
        faults: vec![("again".into(), "This is not the same password.".into())],
        password_hint: "at least 12 characters".into(),
    }
}

fn screen(id: i64, name: &str, state: ScreenState, used: Option<Moment>) -> ScreenRow {
    ScreenRow { id, name: name.into(), state, used, address: "10.8.0.41".into(), paired: moment(90_000), by: "nora".into() }
}

pub fn screens() -> ScreenList {
    ScreenList {
        rows: vec![
            screen(1, "Ops room, left", ScreenState::Looks, Some(moment(4))),
            screen(2, "Hall", ScreenState::Away, None),
            screen(3, "Lobby", ScreenState::Revoked(moment(600), "nora".into()), Some(moment(700))),
        ],
        code: "7KQ4".into(),
        name: "Ops room, middle".into(),
        faults: vec![("code".into(), "This is no code.".into())],
        done: None,
    }
}
