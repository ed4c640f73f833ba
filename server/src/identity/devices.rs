//! Screens on a wall: what their token opens, how they get one, and how it is taken away.
//!
//! A screen that has no token draws one, keeps it in a cookie, and shows a short code. When an administrator confirms the code, the token
//! that the screen holds already becomes a device's: nothing is handed over, so no answer can be lost on the way. The store has only the
//! token's hash.

use std::{net::IpAddr, time::Duration};

use axum::http::{HeaderMap, header};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::{Caller, Cookie, Hash, Identity, Inner, Looking, SignInRefused};
use crate::{
    audit::{Actor, Event, Record},
    config::Secret,
    store::{CodeKept, DeviceOwner, DeviceState, Paired, StoreError, TokenHash},
};

/// How long a code can be confirmed: time to walk to a desk, sign in and type it.
const CODE_LIVES: Duration = Duration::from_secs(10 * 60);

/// How long a browser keeps a screen's cookie; each look renews it. Browsers cut it to 400 days at most (RFC 6265bis, section 5.5).
const COOKIE_LIVES: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// Letters and digits that nobody takes for another one from across a room: no 0 O, 1 I L, 2 Z, 5 S, 8 B, U V.
const LETTERS: &[u8; 24] = b"ACDEFGHJKMNPQRTVWXY34679";

/// So many of them make a code.
const CODE_LENGTH: usize = 8;

/// The longest name of a screen, in characters.
const LONGEST_NAME: usize = 60;

/// How often a revoked screen's tries are recorded: it tries for ever.
const RECORD_EVERY: Duration = Duration::from_secs(60 * 60);

/// How long a link from the command line works unless it is told otherwise.
pub const LINK_LIVES: Duration = Duration::from_secs(15 * 60);

/// A screen that is asking.
#[derive(Clone, Debug)]
pub struct ScreenCaller {
    /// Which.
    pub device: DeviceOwner,
    /// Whether the store has just confirmed it. If not, it is away, and the screen is remembered.
    pub fresh: bool,
    token: Secret,
    hash: Hash,
}

/// What the screen's cookie of a request opens.
#[derive(Clone, Debug, Default)]
pub enum Screen {
    /// There is none.
    #[default]
    None,
    /// The wall.
    Known(ScreenCaller),
    /// Nothing: it was revoked then.
    Revoked(DeviceOwner, DateTime<Utc>),
    /// Nothing yet: the screen may show a code that waits to be confirmed.
    Waiting(Secret),
    /// The store does not answer, and this screen was not seen lately.
    Unsure,
}

/// A screen that shows a code.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// What it keeps in its cookie, and what it will be known by.
    pub token: Secret,
    /// The code, in two groups: `7KQ4-M3XD`.
    pub code: String,
    /// How long the code can be confirmed.
    pub left: Duration,
}

/// What became of a code that an administrator typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// The screen of this name is paired.
    Paired(String),
    /// What is wrong with what was typed, by field ("code", "name").
    Fields(Vec<(String, String)>),
    /// Too many codes were typed under this account.
    TooMany,
}

/// What a link from the command line is made of.
#[derive(Debug)]
pub struct NewLink {
    /// What stands in it.
    pub secret: Secret,
    /// SHA-256 of that.
    pub link: TokenHash,
    /// SHA-256 of the token that it hands over.
    pub token: TokenHash,
}

/// Draws a link.
#[must_use]
pub fn device_link() -> NewLink {
    let secret = draw_token();
    NewLink { link: hash(&secret), token: hash(&token_of(&secret)), secret }
}

/// A screen's name as it is kept. `None`: it cannot be one.
#[must_use]
pub fn device_name(typed: &str) -> Option<String> {
    let name = typed.split_whitespace().collect::<Vec<_>>().join(" ");
    let sound = (1..=LONGEST_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    sound.then_some(name)
}

fn draw_token() -> Secret {
    Secret::new(hex::encode(rand::random::<[u8; 32]>()))
}

/// The token that a link hands over: the same at each use, so that an answer that was lost can be asked for again.
fn token_of(link: &Secret) -> Secret {
    let digest = Sha256::new().chain_update(b"wall token of link ").chain_update(link.reveal().as_bytes()).finalize();
    Secret::new(hex::encode(digest))
}

fn hash(token: &Secret) -> Hash {
    Sha256::digest(token.reveal().as_bytes()).into()
}

fn draw_code() -> String {
    (0..CODE_LENGTH).map(|_| char::from(LETTERS[(rand::random::<u64>() % LETTERS.len() as u64) as usize])).collect()
}

/// A code as it is kept: what people put between its groups is left out. `None`: it cannot be one.
fn code(typed: &str) -> Option<String> {
    let code: String = typed.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '–' | '.' | '_')).collect();
    let code = code.to_ascii_uppercase();
    (code.len() == CODE_LENGTH && code.bytes().all(|letter| LETTERS.contains(&letter))).then_some(code)
}

/// In two groups, as it is read aloud.
fn grouped(code: &str) -> String {
    let (first, second) = code.split_at(code.len().min(CODE_LENGTH / 2));
    format!("{first}-{second}")
}

impl Cookie {
    /// The line that gives a screen its cookie. A link that leads here from elsewhere must find it, so `Lax`; it opens nothing but a page to read.
    fn for_screen(self, token: &Secret, lives: Duration) -> String {
        let secure = if matches!(self, Self::Secure) { "; Secure" } else { "" };
        format!("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{secure}", self.screen_name(), token.reveal(), lives.as_secs())
    }
}

impl Identity {
    /// What the screen's cookie of a request opens.
    pub async fn screen(&self, headers: &HeaderMap) -> Screen {
        match self.inner.screen_token(headers) {
            Some(token) => self.inner.screen(token).await,
            None => Screen::None,
        }
    }

    /// A stream of this screen: to be held while it is read. It ends within a second of the screen's being revoked, while the store answers;
    /// [`super::SCREEN_REMEMBERED`] after its last answer while it does not.
    #[must_use]
    pub fn screen_looks(&self, screen: &ScreenCaller) -> Looking {
        let confirmed = self.inner.remembered_screens.confirmed(&screen.hash).unwrap_or_else(|| self.inner.clock.now());
        self.inner.watched_screens.add(screen.hash, screen.device.clone(), confirmed)
    }

    /// The cookie of a screen that may look, renewed.
    #[must_use]
    pub fn screen_cookie(&self, screen: &ScreenCaller) -> String {
        self.inner.cookie.for_screen(&screen.token, COOKIE_LIVES)
    }

    /// The cookie of a screen that waits.
    #[must_use]
    pub fn waiting_cookie(&self, waiting: &Waiting) -> String {
        // Longer than the code: the look that finds it confirmed may come late.
        self.inner.cookie.for_screen(&waiting.token, CODE_LIVES * 2)
    }

    /// Notes that a screen looks, and from where. While the store is away this is left out.
    pub async fn note_screen(&self, screen: &ScreenCaller, address: IpAddr) {
        if screen.fresh
            && let Err(err) = self.inner.store.touch_devices(&[screen.hash], Some(&address.to_string())).await
        {
            tracing::debug!(error = %err, "A screen's last use was not noted; the next one is");
        }
    }

    /// Records that a screen tried what its token does not open: each time for one that may look at the wall, now and then for a revoked one.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn record_refused_screen(&self, screen: &Screen, tried: &str, address: IpAddr) -> Result<(), StoreError> {
        match screen {
            Screen::None | Screen::Waiting(_) | Screen::Unsure => Ok(()),
            Screen::Revoked(device, _) => self.inner.store.note_revoked_use(device, tried, &address.to_string(), RECORD_EVERY).await,
            Screen::Known(screen) => {
                let event = Event::ScreenRefused {
                    screen: screen.device.name.clone(),
                    revoked: false,
                    tried: tried.to_owned(),
                    address: address.to_string(),
                };
                self.inner.store.record(&Record::new(Actor::Nobody, event)).await.map(|_| ())
            }
        }
    }

    /// The code of a screen that has no token that opens anything: the one that it shows already, or a new one.
    ///
    /// # Errors
    /// When the store does not answer, or too many codes were asked for.
    pub async fn wait_for_pairing(&self, screen: &Screen, address: IpAddr) -> Result<Waiting, SignInRefused> {
        if let Screen::Waiting(token) = screen
            && let Some((code, left)) = self.inner.store.device_code(&hash(token)).await?
        {
            return Ok(Waiting { token: token.clone(), code: grouped(&code), left });
        }
        if !self.inner.codes.take(address) {
            return Err(SignInRefused::TooMany);
        }
        let token = draw_token();
        // Two screens with one code are as good as impossible; a second try is not.
        for _ in 0..3 {
            let code = draw_code();
            match self.inner.store.keep_device_code(&hash(&token), &code, CODE_LIVES).await? {
                CodeKept::Kept => return Ok(Waiting { token, code: grouped(&code), left: CODE_LIVES }),
                CodeKept::Taken => {}
                CodeKept::TooMany => return Err(SignInRefused::TooMany),
            }
        }
        Err(SignInRefused::Busy)
    }

    /// An administrator confirms a code: the screen that shows it is called `name` from now on.
    ///
    /// # Errors
    /// When the store does not answer: then nothing was paired.
    pub async fn confirm_code(&self, caller: &Caller, typed_code: &str, typed_name: &str) -> Result<Confirmed, StoreError> {
        let mut faults = Vec::new();
        let fault = |field: &str, text: &str| (field.to_owned(), text.to_owned());
        let name = device_name(typed_name);
        if name.is_none() {
            faults.push(fault("name", "Say where the screen hangs, in 1 to 60 characters."));
        }
        let code = code(typed_code);
        if code.is_none() {
            let text = "This is no code. It has 8 letters and digits, as 7KQ4-M3XD; 0, 1, 2, 5, 8 and the letters that look like them are never in it.";
            faults.push(fault("code", text));
        }
        let (Some(name), Some(code)) = (name, code) else { return Ok(Confirmed::Fields(faults)) };
        let actor = Actor::Account(caller.name.clone());
        if !self.inner.typed_codes.take(caller.account.get()) {
            self.inner.store.record(&Record::new(actor, Event::PairingRefused { too_many: true })).await?;
            return Ok(Confirmed::TooMany);
        }
        match self.inner.store.pair_device(&code, &name, actor.clone()).await? {
            Paired::Paired(_) => Ok(Confirmed::Paired(name)),
            Paired::NameTaken => {
                Ok(Confirmed::Fields(vec![fault("name", "A screen of this name is paired already. Choose another name.")]))
            }
            Paired::NoSuchCode => {
                self.inner.store.record(&Record::new(actor, Event::PairingRefused { too_many: false })).await?;
                let text = "No screen that waits shows this code. Codes end after 10 minutes and work once; type the one that the screen shows now.";
                Ok(Confirmed::Fields(vec![fault("code", text)]))
            }
        }
    }

    /// The cookie that a link from the command line hands over. `None`: the link is unknown or too old, or its screen was revoked.
    ///
    /// # Errors
    /// When the store does not answer, or links are tried too often.
    pub async fn open_by_link(&self, link: &str, address: IpAddr) -> Result<Option<String>, SignInRefused> {
        if !self.inner.attempts.take(address) {
            return Err(SignInRefused::TooMany);
        }
        let link = Secret::new(link);
        let device = self.inner.store.use_device_link(&hash(&link), &address.to_string()).await?;
        Ok(device.map(|_| self.inner.cookie.for_screen(&token_of(&link), COOKIE_LIVES)))
    }
}

impl Inner {
    fn screen_token(&self, headers: &HeaderMap) -> Option<Secret> {
        let name = self.cookie.screen_name();
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(known, value)| *known == name && value.len() == 64)
            .map(|(_, value)| Secret::new(value))
    }

    async fn screen(&self, token: Secret) -> Screen {
        let (hash, now) = (hash(&token), self.clock.now());
        match self.store.device(&hash).await {
            Ok(Some(DeviceState::Good(device))) => {
                self.remembered_screens.keep(hash, device.clone(), now);
                Screen::Known(ScreenCaller { device, fresh: true, token, hash })
            }
            Ok(Some(DeviceState::Revoked(device, at))) => {
                self.remembered_screens.forget(&hash);
                self.watched_screens.end(&hash);
                Screen::Revoked(device, at)
            }
            Ok(None) => Screen::Waiting(token),
            Err(_) => match self.remembered_screens.recall(&hash, now) {
                Some(device) => Screen::Known(ScreenCaller { device, fresh: false, token, hash }),
                None => Screen::Unsure,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let drawn = draw_code();
        for typed in [grouped(&drawn), grouped(&drawn).to_lowercase(), format!(" {} ", drawn.replace("", " ")), drawn.clone()] {
            assert_eq!(code(&typed).as_deref(), Some(drawn.as_str()), "{typed}");
        }
        for typed in ["", "7KQ4-M3X", "7KQ4-M3XDD", "7KQ4-M3X0", "7KQ4-M3X2", "ÄKQ4-M3XD"] {
            assert_eq!(code(typed), None, "{typed}");
        }
    }

    #[test]
    fn codes_and_tokens_are_drawn_anew_each_time() {
        let codes: std::collections::BTreeSet<_> = (0..1_000).map(|_| draw_code()).collect();
        assert!(codes.len() > 995, "{}", codes.len());
        let (one, two) = (device_link(), device_link());
        assert!(one.link != two.link && one.token != two.token && one.link != one.token);
        assert_eq!(one.token, hash(&token_of(&one.secret)), "a link hands over the same token each time");
    }

    #[test]
    fn a_screen_s_name_is_one_line() {
        assert_eq!(device_name("  Ops room,\tleft ").as_deref(), Some("Ops room, left"));
        for typed in ["", "  ", "a\u{7}b", &"x".repeat(61)] {
            assert_eq!(device_name(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn a_screen_s_cookie_is_bound_to_the_host_where_there_is_tls() {
        let token = Secret::new("x");
        let line = Cookie::Secure.for_screen(&token, COOKIE_LIVES);
        assert_eq!(line, "__Host-quarterdeck-wall=x; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax; Secure");
        assert!(!Cookie::Loopback.for_screen(&token, COOKIE_LIVES).contains("Secure"));
    }
}
