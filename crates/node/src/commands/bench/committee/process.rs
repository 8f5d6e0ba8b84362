use std::fs;

/// How much of a processor a second is in what the kernel tells: hundredths, on every machine.
const TICKS_PER_S: f64 = 100.0;

/// Processor time that a process has had so far, in seconds; none where it is gone.
pub(super) fn cpu_s(pid: u32) -> Option<f64> {
    of_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn of_stat(stat: &str) -> Option<f64> {
    // The name, which may hold anything, ends with the last parenthesis; then come state and numbers.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let (user, system) = (fields.next()?.parse::<u32>().ok()?, fields.next()?.parse::<u32>().ok()?);
    Some((f64::from(user) + f64::from(system)) / TICKS_PER_S)
}

#[cfg(test)]
mod tests {
    use super::{cpu_s, of_stat};

    #[test]
    fn time_is_read_whatever_a_process_is_called() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 9 8 7 6 250 150 0 0 20 0 1 0 5 6 7";
        assert_eq!(of_stat(stat), Some(4.0));
        assert_eq!(of_stat("7 (a) S 1"), None);
        assert!(cpu_s(std::process::id()).is_some());
    }
}
