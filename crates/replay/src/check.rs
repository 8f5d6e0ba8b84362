use holobiont_identity::Organism;
use holobiont_policy::Agreed;
use holobiont_surface::{Cursor, RecordHeader};

use crate::advance::Advance;
use crate::{ReplayError, Surfaces};

/// Checks what a log says that a majority agreed on against a copy of the members' surfaces.
#[derive(Debug)]
pub(crate) struct Check<'s> {
    organism: &'s Organism,
    surfaces: &'s Surfaces,
    cursors: Vec<Option<Cursor>>,
}

impl<'s> Check<'s> {
    pub(crate) fn new(organism: &'s Organism, surfaces: &'s Surfaces) -> Self {
        let cursors = surfaces.iter().map(|_| None).collect();
        Self { organism, surfaces, cursors }
    }

    /// Checks a head that was agreed on when the member was in this state: its hash, its closed
    /// clock, and how its clock went there. `cut` and `log_index` say where in the log that was.
    pub(crate) fn head(
        &mut self,
        Agreed { head, before, from_seq }: &Agreed,
        (cut, log_index): (u64, u64),
    ) -> Result<(), ReplayError> {
        let place = usize::from(head.member);
        let (Some((name, surface)), Some(member), Some(cursor)) = (
            self.surfaces.get(place),
            self.organism.members.get(place),
            self.cursors.get_mut(place),
        ) else {
            return Ok(());
        };
        let failed = |source| ReplayError::Member { member: name.to_owned(), source };
        if cursor.as_ref().is_none_or(|cursor| cursor.next_seq() != *from_seq) {
            *cursor = Some(surface.cursor((*from_seq).min(surface.next_seq())).map_err(failed)?);
        }
        let Some(cursor) = cursor else { return Ok(()) };
        let mut advance = Advance::new(self.organism, member);
        advance.follow(*before);
        let mut last: Option<RecordHeader> = None;
        while cursor.next_seq() <= head.seq {
            let next_seq = cursor.next_seq();
            let Some(mut records) = cursor.records().map_err(failed)? else {
                return Err(ReplayError::SurfaceEnds {
                    cut,
                    log_index,
                    member: name.to_owned(),
                    wanted_seq: head.seq,
                    next_seq,
                });
            };
            while let Some(record) = records.next_if(|header| header.seq <= head.seq) {
                advance.pass(record.header());
                last = Some(*record.header());
            }
        }
        let differs = |what: &'static str, expected: String, got: String| {
            let member = name.to_owned();
            let seq = head.seq;
            Err(ReplayError::HeadDiffers { cut, log_index, member, seq, what, expected, got })
        };
        if let Some(own) = cursor.head()
            && own.hash != head.head
        {
            return differs("head", head.head.to_string(), own.hash.to_string());
        }
        let closed = last.and_then(|header| header.closed_clock());
        if closed != head.closed {
            return differs("closed clock", show(head.closed), show(closed));
        }
        if advance.largest() != head.advance {
            let (claimed, own) = (head.advance.to_string(), advance.largest().to_string());
            return differs("largest step of its clock", claimed, own);
        }
        Ok(())
    }
}

fn show(clock: Option<u64>) -> String {
    clock.map_or_else(|| "none".to_owned(), |clock| clock.to_string())
}
