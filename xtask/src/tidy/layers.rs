//! Who may use whom.

use super::{Finding, Source, each_line, pattern};

/// Libraries that only a server can use.
const OF_THE_SERVER: [&str; 11] =
    ["server", "reqwest", "sqlx", "kube", "k8s_openapi", "redis", "object_store", "hickory_resolver", "hickory_proto", "axum", "tokio"];

/// Libraries that speak to other systems.
const OUTSIDE: [&str; 7] = ["kube", "k8s_openapi", "redis", "reqwest", "object_store", "hickory_resolver", "hickory_proto"];

/// `app/src/model` is what both halves speak; it is built on nothing that one of them lacks.
pub fn model_stands_alone(source: &Source) -> Vec<Finding> {
    if !source.under("app/src/model") || !source.is_rust() {
        return vec![];
    }
    let declared = pattern(r"\bmod\s+([a-z_][a-z0-9_]*)");
    let modules: Vec<String> = declared.captures_iter(&source.code).map(|found| found[1].to_owned()).collect();
    let allowed = |path: &str| {
        let mut parts = path.split("::");
        match (parts.next(), parts.next()) {
            (Some("std" | "core" | "alloc" | "serde" | "chrono" | "super" | "self"), _) | (Some("crate"), Some("model")) => true,
            (Some(root), _) => modules.iter().any(|module| module == root) || root.starts_with(char::is_uppercase),
            (None, _) => true,
        }
    };
    let words = |name: &str| format!("the model uses only std, serde and chrono, not `{name}`");
    let imported =
        source.imports.paths.iter().filter(|(_, path)| !allowed(path)).map(|(line, path)| Finding { line: *line, words: words(path) });
    let named = source
        .imports
        .libraries(&["leptos", "web_sys", "js_sys", "wasm_bindgen", "serde_json", "tokio", "axum", "sqlx", "kube", "reqwest"])
        .into_iter()
        .filter(|(line, _)| !source.imports.paths.iter().any(|(imported, _)| imported == line))
        .map(|(line, name)| Finding { line, words: words(&name) });
    let own = pattern(r"\bcrate::([a-z_][a-z0-9_]*)");
    let inline = each_line(&source.imports.rest, |line| {
        own.captures_iter(line).map(|found| format!("crate::{}", &found[1])).find(|path| path != "crate::model").map(|path| words(&path))
    });
    imported.chain(named).chain(inline).collect()
}

/// `server -> app`, never back; and nothing that only a server can do.
pub fn app_knows_no_server(source: &Source) -> Vec<Finding> {
    let words = |name: &str| format!("app draws what it is given; `{name}` belongs to the server");
    if source.path == "app/Cargo.toml" {
        let named = pattern(&format!(r"^\s*({})\b", OF_THE_SERVER.join("|").replace('_', "[-_]")));
        return each_line(&source.text, |line| Some(words(&named.captures(line)?[1])));
    }
    if !source.under("app/src/") {
        return vec![];
    }
    findings(source.imports.libraries(&OF_THE_SERVER), words)
}

/// Components: values in, markup out.
pub fn components_only_draw(source: &Source) -> Vec<Finding> {
    if !source.under("app/src/components") {
        return vec![];
    }
    findings(source.imports.modules(&["api", "backend", "pages"]), |name| {
        format!("a component gets its values from its caller, not from `crate::{name}`")
    })
}

/// One folder knows how other systems are spoken to.
pub fn outside_libraries_stay_in_adapters(source: &Source) -> Vec<Finding> {
    if !source.under("server/src/") || source.under("server/src/adapters") {
        return vec![];
    }
    findings(source.imports.libraries(&OUTSIDE), |name| format!("`{name}` is used only under server/src/adapters"))
}

/// The console's own SQL is in the store; a watched database is spoken to by its adapter.
pub fn sql_stays_in_the_store(source: &Source) -> Vec<Finding> {
    let allowed = ["server/src/store", "server/src/adapters/postgres"];
    if !source.under("server/src/") || allowed.iter().any(|folder| source.under(folder)) {
        return vec![];
    }
    findings(source.imports.libraries(&["sqlx"]), |_| {
        "`sqlx` is used only under server/src/store and server/src/adapters/postgres*".to_owned()
    })
}

/// What the environment says is read once, checked, and passed on as values.
pub fn environment_is_read_in_one_place(source: &Source) -> Vec<Finding> {
    let product = source.under("server/src/") || source.under("app/src/");
    if !product || source.under("server/src/config") || source.path == "server/src/main.rs" || !source.is_rust() {
        return vec![];
    }
    let words = "`std::env` is read only in server/src/config and server/src/main.rs";
    let imported = source.imports.paths.iter().filter(|(_, path)| path == "std::env" || path.starts_with("std::env::"));
    let inline = pattern(r"\bstd::env\b");
    imported
        .map(|(line, _)| Finding { line: *line, words: words.to_owned() })
        .chain(each_line(&source.imports.rest, |line| inline.is_match(line).then(|| words.to_owned())))
        .collect()
}

/// A probe and an action see their context (adapters, clock) and the model.
pub fn probes_and_actions_see_only_their_context(source: &Source) -> Vec<Finding> {
    let (own, other) = if source.under("server/src/probes") {
        ("a probe", "actions")
    } else if source.under("server/src/actions") {
        ("an action", "probes")
    } else {
        return vec![];
    };
    findings(source.imports.modules(&["store", "identity", "audit", "executor", "forms", "monitor", other]), |name| {
        format!("{own} sees its context and the model, not `crate::{name}`")
    })
}

/// Every effect passes the executor, which has written it down before.
pub fn only_the_executor_applies(source: &Source) -> Vec<Finding> {
    let allowed = ["server/src/executor", "server/src/actions", "server/src/adapters"];
    if !source.under("server/src/") || allowed.iter().any(|folder| source.under(folder)) {
        return vec![];
    }
    let call = pattern(r"\.(apply|undo)\(");
    each_line(&source.code, |line| Some(format!("only server/src/executor calls an action's `{}`", &call.captures(line)?[1])))
}

fn findings(lines: Vec<(usize, String)>, words: impl Fn(&str) -> String) -> Vec<Finding> {
    lines.into_iter().map(|(line, name)| Finding { line, words: words(&name) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rule: super::super::Rule, path: &str, text: &str) -> usize {
        rule(&Source::new(path, text)).len()
    }

    #[test]
    fn the_model_uses_nothing_of_ours_and_no_framework() {
        let rule = model_stands_alone;
        let path = "app/src/model/health.rs";
        assert_eq!(found(rule, path, "use leptos::prelude::*;"), 1);
        assert_eq!(found(rule, path, "fn f() { web_sys::window(); }"), 1);
        assert_eq!(found(rule, path, "use crate::components::Mark;"), 1);
        assert_eq!(found(rule, path, "use std::fmt;\nuse serde::Serialize;\nuse crate::model::Id;\nuse super::Fact;"), 0);
        assert_eq!(found(rule, path, "mod fact;\npub use fact::*;"), 0);
        assert_eq!(found(rule, path, "//! Unlike leptos::prelude, plain.\nlet x = Health::Down;"), 0);
        assert_eq!(found(rule, "app/src/pages/overview.rs", "use leptos::prelude::*;"), 0);
    }

    #[test]
    fn app_does_not_know_the_server_s_libraries() {
        let rule = app_knows_no_server;
        assert_eq!(found(rule, "app/src/pages/overview.rs", "use sqlx::query;"), 1);
        assert_eq!(found(rule, "app/src/pages/overview.rs", "let c = ::reqwest::Client::new();"), 1);
        assert_eq!(found(rule, "app/src/pages/overview.rs", "let kube = cluster.kube();"), 0);
        assert_eq!(found(rule, "app/Cargo.toml", "k8s-openapi.workspace = true"), 1);
        assert_eq!(found(rule, "app/Cargo.toml", "leptos.workspace = true"), 0);
    }

    #[test]
    fn components_fetch_nothing() {
        assert_eq!(found(components_only_draw, "app/src/components/tile.rs", "use crate::api::readings;"), 1);
        assert_eq!(found(components_only_draw, "app/src/components/tile.rs", "use crate::model::Reading;"), 0);
    }

    #[test]
    fn outside_libraries_are_kept_in_adapters() {
        let rule = outside_libraries_stay_in_adapters;
        assert_eq!(found(rule, "server/src/probes/pods.rs", "use kube::Api;"), 1);
        assert_eq!(found(rule, "server/src/monitor.rs", "    let c: redis::Client = x;"), 1);
        assert_eq!(found(rule, "server/src/adapters/kube.rs", "use kube::Api;"), 0);
        assert_eq!(found(rule, "server/src/probes/cache.rs", "use crate::adapters::redis::Info;"), 0);
        assert_eq!(found(rule, "server/src/runbooks/mod.rs", "let by_hand = \"kube::Api\";"), 0);
    }

    #[test]
    fn sql_is_kept_in_the_store() {
        let rule = sql_stays_in_the_store;
        assert_eq!(found(rule, "server/src/audit/chain.rs", "sqlx::query!(\"select 1\")"), 1);
        assert_eq!(found(rule, "server/src/store/audit.rs", "sqlx::query!(\"select 1\")"), 0);
        assert_eq!(found(rule, "server/src/adapters/postgres.rs", "use sqlx::PgPool;"), 0);
        assert_eq!(found(rule, "server/src/adapters/http.rs", "use sqlx::PgPool;"), 1);
    }

    #[test]
    fn the_environment_is_read_in_config() {
        let rule = environment_is_read_in_one_place;
        assert_eq!(found(rule, "server/src/live.rs", "let x = std::env::var(\"X\");"), 1);
        assert_eq!(found(rule, "server/src/live.rs", "use std::{env, fs};"), 1);
        assert_eq!(found(rule, "server/src/config/mod.rs", "let x = std::env::var(\"X\");"), 0);
        assert_eq!(found(rule, "server/src/assets.rs", "include!(concat!(env!(\"OUT_DIR\"), \"/x.rs\"))"), 0);
    }

    #[test]
    fn probes_and_actions_do_not_meet() {
        let rule = probes_and_actions_see_only_their_context;
        assert_eq!(found(rule, "server/src/probes/pods.rs", "use crate::store::States;"), 1);
        assert_eq!(found(rule, "server/src/probes/pods.rs", "use crate::actions::Restart;"), 1);
        assert_eq!(found(rule, "server/src/actions/restart.rs", "use crate::probes::pods;"), 1);
        assert_eq!(found(rule, "server/src/actions/restart.rs", "use crate::adapters::kube;"), 0);
    }

    #[test]
    fn only_the_executor_calls_apply() {
        let rule = only_the_executor_applies;
        assert_eq!(found(rule, "server/src/forms/confirm.rs", "action.apply(&plan).await?;"), 1);
        assert_eq!(found(rule, "server/src/executor/steps.rs", "action.apply(&plan).await?;"), 0);
    }
}
