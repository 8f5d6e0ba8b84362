use holobiont_identity::{Alignment, MAX_MEMBERS, Organism, Setting};
use holobiont_replay::Program;

use super::CrossFeed;
use crate::LoadError;

/// The fewest closes that a correlation is taken over.
pub const MIN_WINDOW: u16 = 2;

/// The most closes that a correlation is taken over.
pub const MAX_WINDOW: u16 = 1_000;

const DEFAULT_WINDOW: u16 = 60;
const WINDOW: &str = "window";

/// Checks what the config says to the program, and reads `window`.
pub(super) fn window(organism: &Organism) -> Result<u16, LoadError> {
    let program = CrossFeed::NAME;
    if organism.align != Alignment::Clock {
        return Err(LoadError::Alignment { program });
    }
    let members = organism.members.len();
    if members > MAX_MEMBERS {
        return Err(LoadError::TooManyMembers { members, limit: MAX_MEMBERS });
    }
    let settings = &organism.program.settings;
    if let Some(key) = settings.keys().find(|key| *key != WINDOW) {
        return Err(LoadError::UnknownSetting { program, key: key.clone(), known: WINDOW });
    }
    let Some(setting) = settings.get(WINDOW) else {
        return Ok(DEFAULT_WINDOW);
    };
    let found = match setting {
        Setting::Integer(closes) => match u16::try_from(*closes) {
            Ok(window) if (MIN_WINDOW..=MAX_WINDOW).contains(&window) => return Ok(window),
            _ => closes.to_string(),
        },
        Setting::Flag(_) => "true or false".to_owned(),
        Setting::Text(_) => "text".to_owned(),
        Setting::List(_) => "a list".to_owned(),
        Setting::Table(_) => "a table".to_owned(),
    };
    let why = format!("must be a whole number from {MIN_WINDOW} to {MAX_WINDOW}, and is {found}");
    Err(LoadError::Setting { key: WINDOW, why })
}
