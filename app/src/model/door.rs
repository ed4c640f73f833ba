//! The pages before anybody is signed in.

/// The sign-in page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignIn {
    /// The name as typed.
    pub name: String,
    /// Where to go afterwards: a path of this console.
    pub next: String,
    /// Why the last try was refused; the same words for an unknown name and a wrong password.
    pub refused: Option<String>,
}

/// The page behind the one-time set-up link: it makes the first administrator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetUp {
    /// The one-time token of the link.
    pub token: String,
    /// The name as typed.
    pub name: String,
    /// What is wrong with what was typed, by field ("name", "password").
    pub faults: Vec<(String, String)>,
    /// What a password must have ("at least 12 characters").
    pub password_hint: String,
}
