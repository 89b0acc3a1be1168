//! SQL as words and signs, as far as splitting and recognising statements needs it.

/// A word, a text in quotes or a single sign.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Token {
    /// As it stands there.
    pub(super) fn text(self, sql: &str) -> &str {
        &sql[self.start..self.end]
    }

    /// Whether it is a name as it is or in quotes, with or without a schema.
    pub(super) fn is_name(self, sql: &str) -> bool {
        let text = self.text(sql);
        text.starts_with(['"', '`']) && text.len() > 2
            || text.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
    }
}

/// Words, quoted texts and single signs, without remarks and white space. A word may hold dots.
pub(super) fn tokens(sql: &str) -> Vec<Token> {
    let bytes = sql.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let rest = &bytes[at..];
        match rest {
            [space, ..] if space.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            [b'-', b'-', ..] => {
                at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                continue;
            }
            [b'/', b'*', ..] => {
                at += find(&rest[2..], b"*/").map_or(rest.len(), |place| place + 4);
                continue;
            }
            [quote @ (b'\'' | b'"' | b'`'), ..] => at += quoted(rest, *quote),
            [b'$', ..] if dollar_quoted(rest).is_some() => at += dollar_quoted(rest).unwrap_or(1),
            [first, ..] if is_word(*first) => {
                at += rest.iter().position(|byte| !is_word(*byte) && *byte != b'.').unwrap_or(rest.len());
            }
            _ => at += 1,
        }
        tokens.push(Token { start, end: at });
    }
    tokens
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// The length of a text in quotes; a quote in it is doubled.
fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        if rest[at] == quote {
            if rest.get(at + 1) != Some(&quote) {
                return at + 1;
            }
            at += 1;
        }
        at += 1;
    }
    rest.len()
}

/// The length of PostgreSQL's `$tag$ … $tag$`.
fn dollar_quoted(rest: &[u8]) -> Option<usize> {
    let tag = rest[1..].iter().position(|byte| *byte == b'$')? + 2;
    let is_tag = rest[1..tag - 1].iter().all(|byte| is_word(*byte)) && !rest[1].is_ascii_digit();
    let end = find(&rest[tag..], &rest[..tag]).map_or(rest.len(), |place| tag + place + tag);
    is_tag.then_some(end)
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}
