//! Checks that an expression is one of ours: parses alone, names only what is bound, calls only what exists.
//!
//! Parsing and walking recurse with the text, so they run on a thread with room; the scan before
//! them has bounded how much.

use jaq_core::load::lex::{Lexer, StrPart};
use jaq_core::load::parse::{BinaryOp, Parser, Pattern, Term};
use jaq_core::load::span;
use jaq_core::path::{Part, Path};

use super::scan::scan;
use super::{Reads, Source, SyntaxProblem, hints, vocabulary};

/// Room for parser and compiler: 256 operators and 64 brackets deep, many times over.
const STACK_BYTES: usize = 16 * 1024 * 1024;

/// Runs recursive work on a thread with room; what it panics with is passed on.
pub(super) fn with_room<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
        let thread = thread.spawn_scoped(scope, work);
        let ended = thread.expect("a thread can be started").join();
        ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Checks each expression alone, in order.
pub(super) fn all(sources: &[Source<'_>]) -> Vec<Result<Reads, SyntaxProblem>> {
    with_room(|| sources.iter().map(one).collect())
}

fn one(source: &Source<'_>) -> Result<Reads, SyntaxProblem> {
    scan(source.text)?;
    let term = parse(source.text)?;
    let mut walk = Walk {
        source,
        bound: Vec::new(),
        labels: Vec::new(),
        reads: Reads::default(),
    };
    walk.term(&term)?;
    Ok(walk.reads)
}

pub(super) fn parse(text: &str) -> Result<Term<&str>, SyntaxProblem> {
    let tokens = Lexer::new(text)
        .lex()
        .map_err(|errors| match errors.first() {
            Some((expected, found)) => {
                let message = format!("expected {}", lexed(expected.as_str(), found));
                syntax(message, text, span(text, found).start)
            }
            None => syntax("it cannot be read".into(), text, 0),
        })?;
    Parser::new(&tokens)
        .parse(|parser| parser.term())
        .map_err(|errors| {
            let Some((expected, found)) = errors.first() else {
                return syntax("it cannot be read".into(), text, 0);
            };
            let found = found.map(|token| token.0);
            let message = format!("expected {}, found {}", expected.as_str(), named(found));
            syntax(
                message,
                text,
                found.map_or(text.len(), |found| span(text, found).start),
            )
        })
}

fn lexed(expected: &str, found: &str) -> String {
    format!(
        "{expected}, found {}",
        named(Some(found).filter(|found| !found.is_empty()))
    )
}

fn named(found: Option<&str>) -> String {
    match found {
        None => "the end".to_owned(),
        Some(found) => format!("`{}`", found.chars().take(20).collect::<String>()),
    }
}

fn syntax(message: String, text: &str, offset: usize) -> SyntaxProblem {
    let first = text
        .trim_start()
        .split(|c: char| !c.is_alphanumeric())
        .next();
    let (code, hint) = match first {
        Some("import" | "include" | "module") => {
            ("expression.forbidden", "modules are not available")
        }
        _ if text.trim().is_empty() => ("expression.syntax", "write `.` for the input itself"),
        _ if text.contains("?//") => (
            "expression.syntax",
            "`?//` is not available; use `try … catch …`",
        ),
        _ => {
            return SyntaxProblem {
                code: "expression.syntax",
                message,
                hint: Some(hints::of_text(text, offset)),
                offset,
            };
        }
    };
    SyntaxProblem {
        code,
        message,
        hint: Some(hint.to_owned()),
        offset,
    }
}

/// Walks a syntax tree with what is bound around each of its places.
struct Walk<'a, 's> {
    source: &'a Source<'s>,
    bound: Vec<&'s str>,
    labels: Vec<&'s str>,
    reads: Reads,
}

type Checked = Result<(), SyntaxProblem>;

impl<'s> Walk<'_, 's> {
    fn problem(
        &self,
        code: &'static str,
        at: &str,
        message: String,
        hint: Option<String>,
    ) -> Checked {
        let offset = offset_of(self.source.text, at);
        Err(SyntaxProblem {
            code,
            message,
            hint,
            offset,
        })
    }

    fn term(&mut self, term: &Term<&'s str>) -> Checked {
        match term {
            Term::Id | Term::Recurse | Term::Num(_) | Term::Arr(None) => Ok(()),
            Term::Str(format, parts) => self.string(*format, parts),
            Term::Arr(Some(inner)) | Term::Neg(inner) => self.term(inner),
            Term::Obj(entries) => entries.iter().try_for_each(|(key, value)| {
                self.term(key)?;
                value.iter().try_for_each(|value| self.term(value))
            }),
            Term::BinOp(left, operator, right) => self.operator(left, operator, right),
            Term::Label(name, body) => self.label(name, body),
            Term::Break(name) => self.leave(name),
            Term::Fold(_, over, pattern, parts) => self.fold(over, pattern, parts),
            Term::TryCatch(body, handler) => {
                self.term(body)?;
                handler.iter().try_for_each(|handler| self.term(handler))
            }
            Term::IfThenElse(branches, otherwise) => {
                for (condition, branch) in branches {
                    self.term(condition)?;
                    self.term(branch)?;
                }
                otherwise.iter().try_for_each(|branch| self.term(branch))
            }
            Term::Def(definitions, _) => {
                let name = definitions
                    .first()
                    .map_or(self.source.text, |first| first.name);
                let message = format!("`def {name}` is not allowed");
                let hint = "write the filter where it is used".to_owned();
                self.problem("expression.forbidden", name, message, Some(hint))
            }
            Term::Call(name, arguments) => self.call(name, arguments),
            Term::Var(name) => self.variable(name),
            Term::Path(start, path) => self.path(start, path),
        }
    }

    fn string(
        &mut self,
        format: Option<&'s str>,
        parts: &[StrPart<&'s str, Term<&'s str>>],
    ) -> Checked {
        if let Some(format) = format {
            self.call(format, &[])?;
        }
        parts.iter().try_for_each(|part| match part {
            StrPart::Term(term) => self.term(term),
            StrPart::Str(_) | StrPart::Char(_) => Ok(()),
        })
    }

    fn operator(
        &mut self,
        left: &Term<&'s str>,
        operator: &BinaryOp<&'s str>,
        right: &Term<&'s str>,
    ) -> Checked {
        self.term(left)?;
        match operator {
            BinaryOp::Pipe(Some(pattern)) => self.under(pattern, |walk| walk.term(right)),
            _ => self.term(right),
        }
    }

    /// Checks what stands under a pattern, with the pattern's variables bound.
    fn under(
        &mut self,
        pattern: &Pattern<&'s str>,
        inner: impl FnOnce(&mut Self) -> Checked,
    ) -> Checked {
        let before = self.bound.len();
        self.pattern(pattern)?;
        inner(self)?;
        self.bound.truncate(before);
        Ok(())
    }

    fn pattern(&mut self, pattern: &Pattern<&'s str>) -> Checked {
        match pattern {
            Pattern::Var(name) => self.bound.push(name),
            Pattern::Arr(parts) => parts.iter().try_for_each(|part| self.pattern(part))?,
            Pattern::Obj(entries) => entries.iter().try_for_each(|(key, part)| {
                // `{$name}` binds the name that it looks up.
                if !matches!(key, Term::Var(_)) {
                    self.term(key)?;
                }
                self.pattern(part)
            })?,
        }
        Ok(())
    }

    fn fold(
        &mut self,
        over: &Term<&'s str>,
        pattern: &Pattern<&'s str>,
        parts: &[Term<&'s str>],
    ) -> Checked {
        self.term(over)?;
        let (first, rest) = parts.split_at(parts.len().min(1));
        first.iter().try_for_each(|first| self.term(first))?;
        self.under(pattern, |walk| {
            rest.iter().try_for_each(|part| walk.term(part))
        })
    }

    fn label(&mut self, name: &'s str, body: &Term<&'s str>) -> Checked {
        self.labels.push(name);
        self.term(body)?;
        self.labels.pop();
        Ok(())
    }

    fn leave(&mut self, name: &'s str) -> Checked {
        if self.labels.contains(&name) {
            return Ok(());
        }
        self.problem(
            "expression.syntax",
            name,
            format!("there is no label `{name}`"),
            Some(format!("write `label {name} | …` around it")),
        )
    }

    fn call(&mut self, name: &'s str, arguments: &[Term<&'s str>]) -> Checked {
        if let Some(hint) = vocabulary::forbidden(name) {
            let message = format!("`{name}` is not available");
            return self.problem("expression.forbidden", name, message, Some(hint.to_owned()));
        }
        if !vocabulary::knows(name, arguments.len()) {
            let message = match arguments.len() {
                0 => format!("there is no function `{name}`"),
                count => format!("there is no function `{name}` with {count} argument(s)"),
            };
            let text = self.source.text;
            let hint = hints::of_function(text, name, arguments.len(), offset_of(text, name));
            return self.problem("expression.syntax", name, message, Some(hint));
        }
        self.reads.clock |= name == "now";
        arguments
            .iter()
            .try_for_each(|argument| self.term(argument))
    }

    fn variable(&mut self, name: &'s str) -> Checked {
        if self.bound.contains(&name) {
            return Ok(());
        }
        let plain = name.trim_start_matches('$');
        if self.source.variables.contains(&plain) {
            self.reads.variables.insert(plain.to_owned());
            return Ok(());
        }
        let hint = match plain {
            "ENV" | "__loc__" | "__prog_args" => "an expression sees only its data".to_owned(),
            _ if self.source.variables.is_empty() => "no variable is bound here".to_owned(),
            _ => {
                let names = self.source.variables.iter().map(|name| format!("${name}"));
                format!("bound here: {}", names.collect::<Vec<_>>().join(", "))
            }
        };
        let message = format!("`{name}` is not bound here");
        self.problem("expression.unknown_variable", name, message, Some(hint))
    }

    fn path(&mut self, start: &Term<&'s str>, path: &Path<Term<&'s str>>) -> Checked {
        self.term(start)?;
        path.0.iter().try_for_each(|(part, _)| match part {
            Part::Index(index) => self.term(index),
            Part::Range(start, end) => start.iter().chain(end).try_for_each(|end| self.term(end)),
        })
    }
}

/// Where a part of the text stands; names that the parser made up stand at the beginning.
fn offset_of(text: &str, part: &str) -> usize {
    let (whole, part) = (text.as_ptr().addr(), part.as_ptr().addr());
    part.checked_sub(whole)
        .filter(|offset| *offset <= text.len())
        .unwrap_or(0)
}
