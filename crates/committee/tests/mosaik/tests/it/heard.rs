//! What mosaik says while it runs: whoever operates a group would have to learn it from there.

use std::{
    collections::BTreeSet,
    fmt::{self, Write as _},
    sync::{Mutex, PoisonError},
};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
    util::SubscriberInitExt as _,
};

static HEARD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Begins to listen, and forgets what was heard before.
pub fn listen() {
    let _ = tracing_subscriber::registry().with(Ear).try_init();
    HEARD.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// Whatever went wrong since then: mosaik's errors, and its groups' warnings.
pub fn complaints() -> Vec<String> {
    HEARD.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
}

struct Ear;

impl<S: Subscriber> Layer<S> for Ear {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let (who, level) = (metadata.target(), *metadata.level());
        let warns = who.starts_with("mosaik::groups") && level == Level::WARN;
        if warns || who.starts_with("mosaik") && level == Level::ERROR {
            let mut said = Said(format!("{level}: "));
            event.record(&mut said);
            HEARD.lock().unwrap_or_else(PoisonError::into_inner).insert(said.0);
        }
    }
}

/// An event's message, without its fields.
struct Said(String);

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            let _ = write!(self.0, "{value:?}");
        }
    }
}
