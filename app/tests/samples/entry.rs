//! The pages before anybody is signed in.

use super::*;

pub fn sign_in() -> SignIn {
    SignIn { name: String::new(), next: "/runbooks/restart-workload".into(), refused: None }
}

pub fn sign_in_refused() -> SignIn {
    SignIn {
        name: "nora".into(),
        refused: Some("The name or the password is wrong. 4 tries are left in the next 15 min.".into()),
        ..sign_in()
    }
}

pub fn set_up() -> SetUp {
    SetUp {
        token: "t0k3n".into(),
        name: "nora".into(),
        faults: vec![("password".into(), "9 characters are too few: type at least 12.".into())],
        password_hint: "at least 12 characters".into(),
    }
}
