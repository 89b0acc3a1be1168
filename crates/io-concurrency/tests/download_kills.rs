//! A program that is killed at random moments, again and again, ends with files that are exact.

#[allow(unreachable_pub)]
mod kills;
mod served;

#[test]
fn killed_at_any_moment_every_file_is_exact_in_the_end() {
    let report = kills::kills(served::BIN.as_ref(), 25, 7);
    assert!(report.kills >= 25 && report.files >= 5, "{report:?}");
}
