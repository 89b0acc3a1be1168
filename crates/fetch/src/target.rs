//! What is fetched, and how it is shown.

use std::borrow::Cow;
use std::fmt;

use reqwest::Url;

use crate::error::FetchError;
use crate::wire;

/// What a secret in a query is called, in small letters and without what stands between its words.
const SECRETS: &[&str] = &[
    "accesskey",
    "apikey",
    "auth",
    "authorization",
    "bearer",
    "credential",
    "jwt",
    "passwd",
    "password",
    "pwd",
    "secret",
    "sessionid",
    "sig",
    "signature",
    "subscriptionkey",
    "token",
];
/// The length of the shortest of them.
const SHORTEST: usize = 3;
/// `key` may be anything. One that is at least so long is taken for a secret.
const LONG: usize = 16;

/// A URL that can be fetched. What it shows of itself, also to `{:?}`, has no user name, no password, and no value of a
/// query that is named like a secret (`token`, `api_key`, `X-Amz-Signature`).
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    pub(crate) url: Url,
    /// As it was written, where that is something else. It may hold secrets, and is made fit to be shown only when it is.
    written: Option<Box<str>>,
}

impl Target {
    /// Reads an absolute `http` or `https` URL. It is shown as it was written, unless it carries a secret.
    ///
    /// # Errors
    /// [`FetchError::InvalidUrl`] for anything else.
    pub fn parse(text: &str) -> Result<Self, FetchError> {
        let text = text.trim();
        let invalid = |why: String| FetchError::InvalidUrl { shown: Self::show(text).into(), why };
        let url = Url::parse(text).map_err(|error| invalid(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid(format!("the scheme is `{}`, not http or https", url.scheme())));
        }
        let written = (url.as_str() != text).then(|| text.into());
        Ok(Self { url, written })
    }

    /// The whole URL, with its secrets: to tell targets apart, not to be shown.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// The host with its port, as limits know it.
    pub(crate) fn host(&self) -> &str {
        wire::host(&self.url)
    }

    /// How a URL, a right one or a wrong one, may be shown to anybody.
    pub fn show(text: &str) -> Cow<'_, str> {
        let text = text.trim();
        // Without this sign there is no user, whatever a parser makes of the rest.
        if !text.contains('@') {
            return without_secrets(text);
        }
        let nobody = Self::without_user(text, Url::parse(text).ok().as_ref());
        without_secrets(&nobody).into_owned().into()
    }

    /// The same for a path at a host that is known: it has no user, and an `@` in it means nothing.
    pub fn show_path(text: &str) -> Cow<'_, str> {
        without_secrets(text)
    }

    /// Whether another URL is asked of the same server, over the same protocol: who may know what is said to this one.
    pub fn has_origin_of(&self, other: &Self) -> bool {
        self.url.origin() == other.url.origin()
    }

    fn without_user(text: &str, url: Option<&Url>) -> String {
        match url {
            Some(url) if !url.username().is_empty() || url.password().is_some() => {
                let mut url = url.clone();
                // A URL without a host has no place for a user either, so this cannot fail.
                let _ = url.set_username("").and_then(|()| url.set_password(None));
                url.into()
            }
            // Of other schemes the parser knows too little: `htp://` misspelt may be a scheme with an opaque path.
            Some(url) if matches!(url.scheme(), "http" | "https") => text.to_owned(),
            // What cannot be parsed has no parts, so everything goes that may be a secret.
            _ => text.rsplit_once('@').map_or_else(|| text.to_owned(), |(_, rest)| format!("…@{rest}")),
        }
    }
}

/// The text of a URL with `…` for each value behind a name that is a secret's: in its query and in its fragment, and where
/// they would be if the text was a better one.
fn without_secrets(text: &str) -> Cow<'_, str> {
    let ends = ['?', '#', '&', ';'];
    let start = text.find(ends).unwrap_or(text.len());
    let (path, query) = text.split_at(start);
    let secret = |pair: &str| {
        let (name, value) = pair.trim_end_matches(ends).split_once('=')?;
        is_secret(name, value).then_some(name.len())
    };
    if query.split_inclusive(ends).all(|pair| secret(pair).is_none()) {
        return text.into();
    }
    let mut shown = path.to_owned();
    for pair in query.split_inclusive(ends) {
        let end = pair.len() - usize::from(pair.ends_with(ends));
        match secret(pair) {
            Some(name) => shown.extend([&pair[..name], "=…", &pair[end..]]),
            None => shown.push_str(pair),
        }
    }
    shown.into()
}

/// Whether a header field may be told to the server alone that it was given for.
pub(crate) fn is_secret_field(name: &str, value: &str) -> bool {
    name.eq_ignore_ascii_case("cookie") || is_secret(name, value)
}

/// Whether a value is to be kept from readers: by its name's last words, such as the `token` of `page[access-token]`.
fn is_secret(name: &str, value: &str) -> bool {
    if value.is_empty() || name.len() < SHORTEST {
        return false;
    }
    let decoded = form_urlencoded::parse(name.as_bytes())
        .next()
        .map_or_else(String::new, |(name, _)| name.into_owned());
    let plain: String =
        decoded.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let is_long_key = plain.ends_with("key") && value.len() >= LONG;
    is_long_key || SECRETS.iter().any(|secret| plain.ends_with(secret))
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&Self::show(self.written.as_deref().unwrap_or(self.as_str())))
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Target({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, shown: &str) {
        assert_eq!(Target::show(text), shown);
    }

    #[test]
    fn a_url_without_a_secret_is_shown_as_it_was_written() {
        check(" http://example.org ", "http://example.org");
        check("http://example.org/a@b?c=d@e", "http://example.org/a@b?c=d@e");
        check("/weather/São Paulo", "/weather/São Paulo");
        assert_eq!(Target::show_path("/users/@me?page=2&token=s3cr3t"), "/users/@me?page=2&token=…");
    }

    #[test]
    fn a_secret_is_not_shown_also_not_of_a_url_that_cannot_be_read() {
        check("http://me:secret@example.org/a", "http://example.org/a");
        check("http://me@example.org/a", "http://example.org/a");
        check("http:me:secret@example.org", "http://example.org/");
        check("http://me:secret@example.org:99999/", "…@example.org:99999/");
        check("htp:me:secret@example.org", "…@example.org");
    }

    #[test]
    fn a_secret_in_a_query_is_not_shown_and_the_rest_is() {
        check("http://a.org/b?token=s3cr3t&page=2", "http://a.org/b?token=…&page=2");
        check(
            "http://a.org/b?page=2&access_token=s3cr3t#token=x",
            "http://a.org/b?page=2&access_token=…#token=…",
        );
        check(
            "http://a.org/b?X-Amz-Signature=ab12&X-Amz-Date=3",
            "http://a.org/b?X-Amz-Signature=…&X-Amz-Date=3",
        );
        check("/orders?api%5Fkey=s3cr3t", "/orders?api%5Fkey=…");
        check("http://me:pw@a.org/?Password=s3cr3t", "http://a.org/?Password=…");
        check("http://a.org/?key=0123456789abcdef&k=1", "http://a.org/?key=…&k=1");
        check("http://a.org/?key=42&sort=author&token=", "http://a.org/?key=42&sort=author&token=");
    }

    #[test]
    fn only_http_urls_with_a_host_are_targets() {
        assert!(Target::parse("http://127.0.0.1:8000/a?b").is_ok());
        for wrong in ["", "/a", "ftp://example.org/", "http://", "http://a b/", "file:///etc/hosts"] {
            let error = Target::parse(wrong).unwrap_err();
            assert!(matches!(error, FetchError::InvalidUrl { .. }), "{wrong}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_password_is_ever_shown(
            scheme in "(http|https|ftp|htp|)(:|://|:/|:\\\\\\\\|//)",
            tail in "(@[a-z.]{0,8}|@[a-z]{1,5}:[0-9]{1,7})(/[a-z]{0,5})?(\\?q=[a-z]{0,3})?(&token=s3cr3t)?",
        ) {
            let text = format!("{scheme}me:s3cr3t{tail}");
            prop_assert!(!Target::show(&text).contains("s3cr3t"), "{}", Target::show(&text));
            if let Err(error) = Target::parse(&text) {
                prop_assert!(!error.to_string().contains("s3cr3t"), "{error}");
            }
        }
    }
}
