use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use holobiont_archive::Trouble;

use super::told::SourceWords;

/// How this node's own sources stand, by the member's place.
#[derive(Default)]
pub(crate) struct Sources(Mutex<BTreeMap<u16, Standing>>);

#[derive(Debug, Clone)]
struct Standing {
    state: SourceState,
    says: Option<String>,
}

/// How one source stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SourceState {
    /// Nothing was heard of it yet.
    Connecting,
    /// It answers.
    Streaming,
    /// It is not read on until the fold has caught up.
    Full,
    Trouble(Trouble),
}

impl SourceState {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Streaming => "streaming",
            Self::Full => "full",
            Self::Trouble(Trouble::Gap) => "gap",
            Self::Trouble(Trouble::Ticket) => "ticket",
            Self::Trouble(Trouble::Attestation) => "attestation",
            Self::Trouble(Trouble::Data) => "data",
            Self::Trouble(Trouble::Own) => "own-disk",
            Self::Trouble(_) => "unreachable",
        }
    }
}

impl Sources {
    /// Returns whether that is news.
    pub(crate) fn set(&self, place: u16, state: SourceState, says: Option<String>) -> bool {
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = sources.insert(place, Standing { state, says });
        before.is_none_or(|before| before.state != state)
    }

    pub(crate) fn words(&self) -> SourceWords {
        let sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sources.iter().map(|(place, it)| (*place, (it.state.word(), it.says.clone()))).collect()
    }

    /// How many there are, and what is wrong with those that give nothing.
    pub(crate) fn down(&self) -> (u64, Vec<String>) {
        let sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = u64::try_from(sources.len()).unwrap_or(u64::MAX);
        let gives = |it: &&Standing| matches!(it.state, SourceState::Streaming | SourceState::Full);
        let down = sources.values().filter(|it| !gives(it));
        let say = |it: &Standing| it.says.clone().unwrap_or_else(|| it.state.word().to_owned());
        (count, down.map(say).collect())
    }
}
