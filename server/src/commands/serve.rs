//! `quarterdeck serve`: reads the environment and the estate file, tells of everything that is wrong with both, and serves.

use super::{Words, log, words};
use crate::{
    actions,
    config::{self, Config, Estate},
    serve,
};

pub(super) async fn serve() -> Result<(), Words> {
    let names = config::names();
    let config = Config::from_env(&config::variable, &names);
    let specs: Vec<_> = actions::all().iter().map(|action| action.spec()).collect();
    // The estate is looked at even where the rest is wrong: one start tells of everything.
    let file =
        config.as_ref().map_or_else(|_| config::variable("QUARTERDECK_ESTATE").map(Into::into), |config| Some(config.estate.clone()));
    let estate = file.map(|file| Estate::from_file(&file, &config::variable, &specs));
    let (config, estate) = match (config, estate) {
        (Ok(config), Some(Ok(estate))) => (config, estate),
        (Err(faults), Some(Err(more))) => return Err(format!("{faults}\n{more}")),
        (Err(faults), _) | (Ok(_), Some(Err(faults))) => return Err(faults.to_string()),
        (Ok(_), None) => return Err("QUARTERDECK_ESTATE is not set; set it to the path of the estate file".to_owned()),
    };
    log::start(&config.log)?;
    serve::serve(config, estate).await.map_err(|err| words(&err))
}
