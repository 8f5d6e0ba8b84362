//! What a machine offers, and what to do about the rest.

use holobiont_enclave::{Finding, Guest, Interface, Roots, State};

use crate::scripted::{EACCES, Fault, Kernel};

const FLAGS: &str = "processor\t: 0\nflags\t\t: fpu vme tdx_guest avx2\n";

/// A machine with everything.
fn whole() -> Kernel {
    let kernel = Kernel::with([Fault::None]);
    let roots = Roots::default();
    let mut table = vec![0; 56];
    table[..4].copy_from_slice(b"CCEL");
    table[36] = 2;
    for (path, content) in [
        (&roots.processor, FLAGS.as_bytes().to_vec()),
        (&roots.device, Vec::new()),
        (&roots.measurements, Vec::new()),
        (&roots.ccel_table, table),
        (&roots.ccel_data, vec![7; 100]),
    ] {
        kernel.put(path, Ok(content));
    }
    kernel
}

fn find(kernel: &Kernel, interface: Interface) -> Finding {
    let guest = Guest::detect_in(kernel, &Roots::default());
    guest.findings.into_iter().find(|finding| finding.interface == interface).unwrap()
}

#[test]
fn a_whole_guest_needs_no_advice() {
    let guest = Guest::detect_in(&whole(), &Roots::default());
    assert!(guest.is_tdx() && guest.can_quote());
    assert_eq!(guest.findings.len(), 5);
    for finding in guest.findings {
        assert_eq!((finding.state, finding.advice), (State::Present, None));
    }
}

#[test]
fn each_missing_interface_is_told_with_what_to_do() {
    let roots = Roots::default();
    for (interface, path, advice) in [
        (Interface::Processor, &roots.processor, "no TDX guest"),
        (Interface::Device, &roots.device, "modprobe tdx_guest"),
        (Interface::Reports, &roots.reports, "kernel 6.7"),
        (Interface::Registers, &roots.measurements, "kernel 6.16"),
        (Interface::EventLog, &roots.ccel_table, "event rules"),
    ] {
        let kernel = whole();
        kernel.remove(path);
        let finding = find(&kernel, interface);
        assert_eq!(finding.state, State::Missing, "{interface}");
        assert!(finding.advice.is_some_and(|it| it.contains(advice)), "{interface}");
        assert_eq!(finding.path, path.display().to_string());

        kernel.put(path, Err(EACCES));
        let finding = find(&kernel, interface);
        assert!(matches!(finding.state, State::Refused(_)), "{interface}: {finding:?}");
        assert!(finding.advice.is_some_and(|it| it.contains("root")), "{interface}");
    }
}

#[test]
fn a_processor_without_the_flag_is_no_guest() {
    let kernel = whole();
    for other in ["", "flags : fpu not_tdx_guest\n", "model name : tdx_guest\nflags : fpu\n"] {
        kernel.put(&Roots::default().processor, Ok(other.into()));
        let guest = Guest::detect_in(&kernel, &Roots::default());
        assert!(!guest.is_tdx(), "{other}");
        assert!(guest.can_quote());
    }
}

#[test]
fn a_log_that_does_not_read_is_refused_and_not_missing() {
    let kernel = whole();
    kernel.put(&Roots::default().ccel_data, Ok(Vec::new()));
    let finding = find(&kernel, Interface::EventLog);
    let State::Refused(why) = finding.state else { panic!("{finding:?}") };
    assert!(why.contains("empty"), "{why}");
}
