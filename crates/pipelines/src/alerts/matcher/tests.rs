//! Which events fit which rules.

use super::*;

/// The rules that each event fits, by name, with their keys.
#[track_caller]
fn check(rules: &str, text: &str, expected: &[&str]) {
    let rules = Rules::parse(rules, "test").unwrap();
    let matcher = Matcher::new(&rules).unwrap();
    let mut found = Vec::new();
    matcher.scan(text.as_bytes(), &mut Scratch::default(), &mut |event, fits| {
        let first = text[event].split_whitespace().next().unwrap_or_default().to_owned();
        found.extend(fits.drain(..).map(|fit| format!("{first} {} {}", rules.rules[fit.rule].name, fit.key)));
    });
    assert_eq!(found, expected, "{text}");
}

#[test]
fn patterns_with_overlapping_literals_are_all_found() {
    let rules = "[[rule]]\nname='a'\npattern='timed out'\n[[rule]]\nname='b'\npattern='out after \\d+'\n\
                 [[rule]]\nname='c'\npattern='^\\d+ [xy]'\n[[rule]]\nname='d'\npattern='z\\z'";
    check(
        rules,
        "1 x timed out after 5\n2 y\n3 timed out after z\n",
        &["1 a ", "1 b ", "1 c ", "2 c ", "3 a ", "3 d "],
    );
}

#[test]
fn literals_that_begin_with_each_other_or_lie_within_each_other_are_all_found() {
    let rules = "[[rule]]\nname='a'\npattern='disk'\n[[rule]]\nname='b'\npattern='disk full'\n\
                 [[rule]]\nname='c'\npattern='full'\n[[rule]]\nname='d'\npattern='disk full: \\d'\n\
                 [[rule]]\nname='e'\npattern='lll'";
    check(
        rules,
        "1 disk full: 5\n2 disk full\n3 disk\n4 full\r\n5 llll full: disk full: x\n6 dis\nk full",
        &[
            "1 a ", "1 b ", "1 c ", "1 d ", "2 a ", "2 b ", "2 c ", "3 a ", "4 c ", "5 a ", "5 b ", "5 c ",
            "5 e ", "k c ",
        ],
    );
}

#[test]
fn a_pattern_may_stand_on_any_line_of_an_event_and_counts_once() {
    let rules =
        "[[rule]]\nname='a'\npattern='(?s)ERROR.*at cart::add'\n[[rule]]\nname='b'\npattern='at \\w+::'";
    check(
        rules,
        "1 ERROR\n  at cart::sub\n  at cart::add\n2 fine\n3 ERROR\r\n  at x::y\r\n",
        &["1 a ", "1 b ", "3 b "],
    );
}

#[test]
fn fields_are_compared_also_where_json_escapes_them() {
    let rules = "[[rule]]\nname='a'\nfields={level=['error','fatal'],'http.status'='>= 500'}\nby='svc'";
    let text = "{\"level\":\"error\",\"http\":{\"status\":503},\"svc\":\"x\"}\n{\"level\":\"error\",\"http\":{\"status\":404}}\n\
                {\"level\":\"\\u0066atal\",\"http\":{\"status\":\"500\"}}\nerror 503\n{\"level\":\"error\"\n";
    check(
        rules,
        text,
        &[
            "{\"level\":\"error\",\"http\":{\"status\":503},\"svc\":\"x\"} a x",
            "{\"level\":\"\\u0066atal\",\"http\":{\"status\":\"500\"}} a ",
        ],
    );
}

#[test]
fn a_dollar_sign_stands_before_crlf_and_exceptions_are_left_out() {
    let rules = "[[rule]]\nname='a'\npattern='failed$'\nexcept='^2'\n[[rule]]\nname='n'\nfields={ms='<3'}";
    check(
        rules,
        "1 failed\r\n2 failed\r\n3 failed \r\n{\"ms\":1}\r\n{\"ms\":3}\r\n",
        &["1 a ", "{\"ms\":1} n "],
    );
}
