//! A small reader of Rust: enough to tell code from words, and to see functions.

/// `text` with comments, strings and characters blanked out; lines stay where they are.
pub fn code(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < letters.len() {
        let length = word_length(&letters, at);
        for letter in &letters[at..at + length.max(1)] {
            code.push(if length == 0 || *letter == '\n' {
                *letter
            } else {
                ' '
            });
        }
        at += length.max(1);
    }
    code
}

/// Lines of each function of blanked `code`, from its `fn` to its closing brace.
pub fn functions(code: &str) -> Vec<Function> {
    let letters: Vec<char> = code.chars().collect();
    let starts = (0..letters.len()).filter(|at| opens_function(&letters, *at));
    starts.filter_map(|at| function(&letters, at)).collect()
}

/// A function with a body.
pub struct Function {
    /// Its name.
    pub name: String,
    /// How many lines it takes.
    pub lines: usize,
}

/// Length of the comment, string or character that begins here; 0 for code.
fn word_length(letters: &[char], at: usize) -> usize {
    let next = letters.get(at + 1).copied();
    match letters[at] {
        '/' if next == Some('/') => until(letters, at, |letter| letter == '\n'),
        '/' if next == Some('*') => block_length(letters, at),
        '"' => quoted_length(letters, at, '"'),
        '\'' if next == Some('\\') || letters.get(at + 2) == Some(&'\'') => {
            quoted_length(letters, at, '\'')
        }
        'r' if at == 0 || !is_word(letters[at - 1]) || letters[at - 1] == 'b' => {
            raw_length(letters, at)
        }
        _ => 0,
    }
}

fn until(letters: &[char], at: usize, ends: impl Fn(char) -> bool) -> usize {
    letters[at..]
        .iter()
        .position(|letter| ends(*letter))
        .unwrap_or(letters.len() - at)
}

/// Block comments nest.
fn block_length(letters: &[char], at: usize) -> usize {
    let (mut depth, mut here) = (0, at);
    while here + 1 < letters.len() {
        match (letters[here], letters[here + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                here += 1;
                continue;
            }
        }
        here += 2;
        if depth == 0 {
            return here - at;
        }
    }
    letters.len() - at
}

fn quoted_length(letters: &[char], at: usize, quote: char) -> usize {
    let mut here = at + 1;
    while here < letters.len() && letters[here] != quote {
        here += if letters[here] == '\\' { 2 } else { 1 };
    }
    (here + 1).min(letters.len()) - at
}

/// `r"…"`, `r#"…"#` and so on; 0 when this `r` opens none.
fn raw_length(letters: &[char], at: usize) -> usize {
    let hashes = letters[at + 1..]
        .iter()
        .take_while(|letter| **letter == '#')
        .count();
    let open = at + 1 + hashes;
    if letters.get(open) != Some(&'"') {
        return 0;
    }
    let closes = |from: usize| {
        let hashed = letters[from + 1..]
            .iter()
            .take_while(|letter| **letter == '#')
            .count();
        letters[from] == '"' && hashed >= hashes
    };
    let close = (open + 1..letters.len()).find(|from| closes(*from));
    close.map_or(letters.len(), |from| from + 1 + hashes) - at
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn opens_function(letters: &[char], at: usize) -> bool {
    letters[at..].starts_with(&['f', 'n', ' ']) && (at == 0 || !is_word(letters[at - 1]))
}

fn function(letters: &[char], at: usize) -> Option<Function> {
    let name: String = letters[at + 3..]
        .iter()
        .take_while(|letter| is_word(**letter))
        .collect();
    let open = body(letters, at)?;
    let close = closing(letters, open)?;
    if name.is_empty() {
        return None;
    }
    Some(Function {
        name,
        lines: 1 + newlines(&letters[at..close]),
    })
}

/// The brace that opens the body; a `;` first means that there is none.
fn body(letters: &[char], at: usize) -> Option<usize> {
    let mut depth = 0;
    for (here, letter) in letters.iter().enumerate().skip(at) {
        match letter {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' if depth == 0 => return Some(here),
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

fn closing(letters: &[char], open: usize) -> Option<usize> {
    let mut depth = 0;
    for (here, letter) in letters.iter().enumerate().skip(open) {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return Some(here);
        }
    }
    None
}

fn newlines(letters: &[char]) -> usize {
    letters.iter().filter(|letter| **letter == '\n').count()
}
