//! `quarterdeck admin device`: wall screens, kept by whoever may read the run-time role's password.

use std::time::Duration;

use url::Url;

use super::{
    Words,
    admin::{minute, store},
    words,
};
use crate::{
    actions,
    audit::Actor,
    config::{self, Config, Estate},
    identity::{device_link, device_name},
    router::WALL_LINK,
    store::NewDevice,
};

pub(super) async fn create(name: &str, link_lives: Duration) -> Result<(), Words> {
    let name = device_name(name).ok_or_else(|| format!("`{name}` cannot be a screen's name; write 1 to 60 characters that can be read"))?;
    let link = device_link();
    let device = NewDevice { name: &name, token: &link.token, link: &link.link, link_lives };
    match store().await?.make_device(&device, Actor::Console).await.map_err(|err| words(&err))? {
        Some(_) => {
            println!(
                "Screen {name} is made. Open this link on it within {} minutes; it is a password until then:\n",
                link_lives.as_secs() / 60
            );
            println!("{}{WALL_LINK}{}", base(), link.secret.reveal());
            Ok(())
        }
        None => Err(format!("there is a screen {name} already; choose another name, or revoke it first")),
    }
}

/// The address at which people reach the console, as far as the environment tells.
fn base() -> String {
    let specs: Vec<_> = actions::all().iter().map(|action| action.spec()).collect();
    let estate = config::variable("QUARTERDECK_ESTATE").and_then(|file| Estate::from_file(file.as_ref(), &config::variable, &specs).ok());
    let public = estate.and_then(|estate| estate.environment.public_url);
    let listen = || {
        Config::from_env(&config::variable, &config::names())
            .ok()
            .and_then(|config| Url::parse(&format!("http://{}", config.listen.address)).ok())
    };
    public.or_else(listen).map_or_else(String::new, |url| url[..url::Position::BeforePath].to_owned())
}

pub(super) async fn list() -> Result<(), Words> {
    let (_, devices) = store().await?.devices().await.map_err(|err| words(&err))?;
    for device in &devices {
        let state = match (&device.revoked, device.last_used_at) {
            (Some((at, by)), _) => format!("revoked {} by {by}", minute(*at)),
            (None, Some(at)) => format!("last looked {}", minute(at)),
            (None, None) => "never looked".to_owned(),
        };
        println!("{:<32} {state}, paired {} by {}", device.name, minute(device.created_at), device.created_by);
    }
    if devices.is_empty() {
        println!("There is no screen yet; open /wall on one, or `quarterdeck admin device create NAME`.");
    }
    Ok(())
}

pub(super) async fn revoke(name: &str) -> Result<(), Words> {
    let store = store().await?;
    let wanted = name.trim().to_lowercase();
    let (_, devices) = store.devices().await.map_err(|err| words(&err))?;
    let found = devices.into_iter().find(|device| device.revoked.is_none() && device.name.to_lowercase() == wanted);
    let revoked = match found {
        Some(device) => store.revoke_device(device.id, Actor::Console).await.map_err(|err| words(&err))?,
        None => None,
    };
    match revoked {
        Some(name) => {
            println!("Screen {name} is revoked.");
            Ok(())
        }
        None => Err(format!("there is no screen {name} that is paired; `quarterdeck admin device list` lists them")),
    }
}
