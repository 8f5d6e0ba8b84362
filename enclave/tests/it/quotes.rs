//! `ConfigfsTsm`: a quote, or the right refusal, and nothing left behind.

use std::fs;
use std::time::Duration;

use holobiont_attestation::{
    MAX_QUOTE_BYTES, ProviderError, ProviderKind, QuoteError, QuoteProvider,
};
use holobiont_enclave::{Ambient, ConfigfsTsm, FileTree, Roots, System};

use crate::sample::{quote, report_data};
use crate::scripted::{EACCES, EAGAIN, EBUSY, EINTR, EIO, ETIMEDOUT, Fault, Kernel, Watch};

/// What comes of one request; every directory that was made is gone again.
fn ask(faults: impl IntoIterator<Item = Fault>) -> (Result<Vec<u8>, ProviderError>, usize) {
    let kernel = Kernel::with(faults);
    let provider = kernel.provider().within(Duration::from_secs(10));
    let answer = provider.quote(&report_data(7));
    assert_eq!(kernel.left(), 0, "a directory was left behind");
    (answer, kernel.made().len())
}

fn good() -> Vec<u8> {
    quote(report_data(7).as_bytes())
}

#[test]
fn a_quote_binds_what_was_asked_and_its_directory_is_gone() {
    let kernel = Kernel::with([Fault::None]);
    let provider = kernel.provider();
    assert_eq!(provider.kind(), ProviderKind::ConfigfsTdx);
    assert_eq!(provider.quote(&report_data(7)).unwrap(), good());
    assert_eq!(provider.quote(&report_data(8)).unwrap(), quote(report_data(8).as_bytes()));
    assert_eq!(kernel.left(), 0);
    let made = kernel.made();
    assert_eq!(made.len(), 2);
    assert_ne!(made[0], made[1], "every report has a name of its own");
    assert!(made.iter().all(|path| path.parent() == Some(&Roots::default().reports)));
}

#[test]
fn padding_is_stripped() {
    let (answer, _) = ask([Fault::Padded(3_065)]);
    assert_eq!(answer.unwrap(), good());
}

#[test]
fn what_passes_is_tried_again_in_a_new_directory() {
    let passing = [
        Fault::Make(EBUSY),
        Fault::Make(EINTR),
        Fault::Attribute("provider", EINTR),
        Fault::Attribute("inblob", EBUSY),
        Fault::Attribute("outblob", EBUSY),
        Fault::Attribute("outblob", EINTR),
        Fault::Attribute("outblob", ETIMEDOUT),
        Fault::Attribute("outblob", EAGAIN),
        Fault::Attribute("generation", EINTR),
        Fault::LostWrite,
    ];
    for fault in passing {
        let (answer, made) = ask([fault.clone(), fault.clone(), Fault::None]);
        assert_eq!(answer.unwrap(), good(), "{fault:?}");
        assert_eq!(made, 3, "{fault:?}");
    }
}

#[test]
fn busy_for_ever_ends_at_the_deadline() {
    for fault in [Fault::Attribute("outblob", EBUSY), Fault::LostWrite, Fault::Make(EBUSY)] {
        let (answer, made) = ask([fault]);
        let Err(ProviderError::Busy { waited_ms }) = answer else { panic!("{answer:?}") };
        assert!((8_000..10_000).contains(&waited_ms), "{waited_ms}");
        assert!((12..40).contains(&made), "pauses grow, to about a second: {made}");
    }
}

#[test]
fn a_host_that_makes_none_in_time_is_told_as_such() {
    for code in [ETIMEDOUT, EINTR, EAGAIN] {
        let (answer, _) = ask([Fault::Attribute("outblob", code)]);
        assert!(matches!(answer, Err(ProviderError::Timeout { .. })), "{answer:?}");
    }
}

#[test]
fn two_processes_that_met_once_do_not_meet_again() {
    let waited = |random: u128| {
        let kernel = Kernel::with([Fault::Make(EBUSY), Fault::None]);
        let watch = Watch::default();
        for _ in 0..random {
            watch.random().unwrap();
        }
        let provider = ConfigfsTsm::with(kernel, Shifted(watch.clone()), Roots::default());
        provider.quote(&report_data(7)).unwrap();
        watch.elapsed()
    };
    assert_ne!(waited(0), waited(200));
}

/// The count in the first byte, where the pause looks.
struct Shifted(Watch);

impl Ambient for Shifted {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn pause(&self, duration: Duration) {
        self.0.pause(duration);
    }

    fn random(&self) -> std::io::Result<[u8; 16]> {
        let mut bytes = self.0.random()?;
        bytes.reverse();
        Ok(bytes)
    }
}

#[test]
fn another_technologys_interface_is_refused() {
    let (answer, made) = ask([Fault::Provider("sev_guest\n")]);
    let Err(ProviderError::WrongProvider { got, expected }) = answer else { panic!("{answer:?}") };
    assert_eq!((got.as_str(), expected), ("sev_guest", "tdx_guest"));
    assert_eq!(made, 1);
}

#[test]
fn a_quote_that_somebody_else_may_have_asked_for_is_not_used() {
    for fault in [Fault::RaceBeforeQuote, Fault::RaceDuringQuote] {
        let (answer, made) = ask([fault]);
        let raced = matches!(answer, Err(ProviderError::Generation { expected: 1, got: 2 }));
        assert!(raced, "{answer:?}");
        assert_eq!(made, 1);
    }
    let (answer, _) = ask([Fault::Outblob(quote(report_data(8).as_bytes()))]);
    assert!(matches!(answer, Err(ProviderError::SelfCheck { .. })), "{answer:?}");
}

#[test]
fn what_is_no_quote_is_refused() {
    let whole = good().len();
    let lengths = [0, 1, 47, 48, 631, 632, whole - 1].map(Fault::Short);
    let others = [Fault::Outblob(vec![0; 4_000]), Fault::Outblob([good(), vec![1]].concat())];
    for fault in lengths.into_iter().chain(others) {
        let (answer, made) = ask([fault.clone()]);
        assert!(matches!(answer, Err(ProviderError::Malformed { .. })), "{fault:?}: {answer:?}");
        assert_eq!(made, 1);
    }
}

#[test]
fn more_than_a_quote_can_be_is_not_read() {
    let (answer, _) = ask([Fault::Padded(MAX_QUOTE_BYTES)]);
    let Err(ProviderError::Malformed { source: QuoteError::TooLong { limit, .. } }) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(limit, MAX_QUOTE_BYTES);
    let (answer, _) = ask([Fault::Padded(MAX_QUOTE_BYTES - good().len())]);
    assert_eq!(answer.unwrap(), good());
}

#[test]
fn no_interface_and_no_permission_are_told_apart() {
    let kernel = Kernel::with([Fault::None]);
    kernel.remove(&Roots::default().reports);
    let answer = kernel.provider().quote(&report_data(7));
    let Err(ProviderError::Unsupported { why }) = answer else { panic!("{answer:?}") };
    assert!(why.contains("/sys/kernel/config/tsm/report") && why.contains("modprobe"), "{why}");

    for fault in [Fault::Make(EACCES), Fault::Attribute("inblob", EACCES)] {
        let (answer, made) = ask([fault]);
        let Err(ProviderError::Io { source, .. }) = answer else { panic!("{answer:?}") };
        assert_eq!(source.kind(), std::io::ErrorKind::PermissionDenied);
        assert_eq!(made, 1);
    }
}

#[test]
fn other_failures_are_not_tried_again() {
    for fault in [Fault::Attribute("outblob", EIO), Fault::Generation("many\n")] {
        let (answer, made) = ask([fault]);
        assert!(matches!(answer, Err(ProviderError::Io { .. })), "{answer:?}");
        assert_eq!(made, 1);
    }
}

#[test]
fn a_directory_that_is_still_held_is_removed_at_the_next_try() {
    let kernel = Kernel::with([Fault::Provider("other")]);
    kernel.refuse_removals(2);
    assert!(kernel.provider().quote(&report_data(7)).is_err());
    assert_eq!(kernel.left(), 0);
}

#[test]
fn threads_make_their_quotes_one_after_the_other() {
    let kernel = Kernel::with([Fault::Attribute("outblob", EBUSY), Fault::None]);
    let provider = &kernel.provider();
    std::thread::scope(|scope| {
        for challenge in 0..8 {
            scope.spawn(move || {
                let report_data = report_data(challenge);
                let answer = provider.quote(&report_data).unwrap();
                assert_eq!(answer, quote(report_data.as_bytes()));
            });
        }
    });
    assert_eq!(kernel.most_at_once(), 1);
    assert_eq!((kernel.made().len(), kernel.left()), (9, 0));
}

/// Over real files, as far as a plain directory goes: it makes no attributes of its own.
#[test]
fn a_plain_directory_is_no_such_interface() {
    let temporary = tempfile::tempdir().unwrap();
    let roots = Roots::under(temporary.path());
    let provider = ConfigfsTsm::with(FileTree, System::new(), roots.clone());
    let answer = provider.quote(&report_data(7));
    assert!(matches!(answer, Err(ProviderError::Unsupported { .. })), "{answer:?}");

    fs::create_dir_all(&roots.reports).unwrap();
    let answer = ConfigfsTsm::new(roots.clone()).quote(&report_data(7));
    let Err(ProviderError::Io { path, source }) = answer else { panic!("{answer:?}") };
    assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
    assert!(path.starts_with(roots.reports.to_str().unwrap()), "{path}");
    assert_eq!(fs::read_dir(&roots.reports).unwrap().count(), 0, "removed on drop");
}
