use super::*;

fn lines(range: Range<u64>) -> String {
    let mut page = Page::default();
    Logs::new(42).write(range, &mut page);
    String::from_utf8(page.as_bytes().to_vec()).expect("UTF-8")
}

#[test]
fn events_written_in_pieces_are_the_events_written_at_once() {
    let whole = lines(8_000..9_000);
    assert_eq!(whole, lines(8_000..8_192) + &lines(8_192..8_193) + &lines(8_193..9_000));
}

#[test]
fn levels_come_in_realistic_shares_with_half_a_percent_critical() {
    let text = lines(0..200_000);
    let mut counts = [0_u64; 5];
    let mut events = 0_u64;
    for line in text.lines().filter(|line| !line.starts_with(' ')) {
        events += 1;
        let lower = line.to_lowercase();
        let level = if line.starts_with('{') {
            let value: serde_json::Value = serde_json::from_str(line).expect("a JSON line");
            value["level"].as_str().expect("a level").to_owned()
        } else if line.starts_with('<') {
            lower
                .split("level=\"")
                .nth(1)
                .and_then(|rest| rest.split('"').next())
                .expect("a level")
                .to_owned()
        } else {
            lower.split(' ').nth(2).expect("a level").replace("warn", "warning")
        };
        let known = ["debug", "info", "warning", "error", "critical"].iter().position(|name| *name == level);
        counts[known.unwrap_or_else(|| panic!("unknown level in {line}"))] += 1;
    }
    assert_eq!(events, 200_000);
    let share = |level: usize| counts[level] as f64 / events as f64;
    assert!((0.004..0.007).contains(&share(4)), "critical {}", share(4));
    assert!((0.02..0.06).contains(&share(3)), "error {}", share(3));
    assert!((0.5..0.65).contains(&share(1)), "info {}", share(1));
}

#[test]
fn the_failing_service_is_loud_during_its_incident_and_quiet_outside() {
    let logs = Logs::new(42);
    for group in 0..6 {
        let incident = logs.incident(group);
        assert_eq!(incident.events.start / GROUP, group);
        assert_eq!((incident.events.end - 1) / GROUP, group);
        let rate = |range: Range<u64>| {
            let events = range.end - range.start;
            let text = lines(range);
            let bad = text.lines().filter(|line| {
                let lower = line.to_lowercase();
                line.contains(incident.service()) && (lower.contains("error") || lower.contains("critical"))
            });
            bad.count() as f64 / events as f64
        };
        let during = rate(incident.events.clone());
        let outside = rate(group * GROUP..incident.events.start).max(0.002);
        assert!(during > 5.0 * outside, "{during} during and {outside} before {incident:?}");
    }
}
