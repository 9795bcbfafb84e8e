//! Expressions as authors write them, as the malicious write them, and as chance writes them.
//!
//! The ordinary ones are data in `language/expressions.txt`: input, expression and result, or the
//! code of the error it ends with.

use std::time::{Duration, Instant};

use chrono::DateTime;
use windlass_workflows::expression::{Budget, ExpressionError, Library, Scope, Source, check};
use windlass_workflows::value::Value;

const VARIABLES: [&str; 9] = [
    "context", "workflow", "error", "input", "output", "runtime", "slot", "batch", "item",
];

const CONTEXT: &str = r#"{"state":"Utah","contact":{"id":"c1","owner":null},"attempt":1,"stage":1,
    "stages":[{"template":"a"},{"template":"b"}],"gaps":["P1D","P3D"],"good":[1,2],"problems":[],
    "features":["mail","storage"],"plan":"enterprise","answers":[{"id":1,"ok":true},{"id":2,"ok":false}],
    "figures":{"n":2},"score":0.5,"revision":2,"tenant":"t1"}"#;

fn compiled(text: &str) -> Library {
    let source = Source {
        text,
        variables: &VARIABLES,
    };
    Library::compile(&[source]).unwrap_or_else(|problems| panic!("{text}: {problems:?}"))
}

fn evaluated(text: &str, input: &str) -> Result<Value, ExpressionError> {
    let input = Value::parse_within(input, 128).expect("a test's input is JSON");
    let json = |text: &str| Value::parse(text).expect("a test's variable is JSON");
    let variables = [
        ("context", json(CONTEXT)),
        (
            "workflow",
            json(r#"{"id":"j1","input":{"Origin State":"Ohio","period":{"from":"a"}}}"#),
        ),
        ("error", json(r#"{"status":503}"#)),
        (
            "slot",
            json(r#"{"wall":"2026-11-21T10:00:00","at":"2026-11-21T09:00:00Z"}"#),
        ),
        ("item", json(r#"{"sku":"x"}"#)),
    ];
    let now = DateTime::from_timestamp(1_700_000_000, 0).expect("a date");
    let scope = Scope {
        now,
        variables: &variables,
    };
    compiled(text).evaluate(0, &input, &scope, Budget::default())
}

/// What a hostile expression may take of a processor: 100 ms, and so many times that where nothing is optimised.
const HOSTILE_MAX: Duration = match cfg!(debug_assertions) {
    true => Duration::from_millis(20 * 100),
    false => Duration::from_millis(100),
};

/// What this thread has had of a processor: other than the time on the wall, it is the same on a busy machine.
fn processor_time() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells it");
    let first = told.split(' ').next().expect("a number");
    Duration::from_nanos(first.parse().expect("nanoseconds"))
}

/// Runs on a stack like that of an async worker thread.
fn on_small_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
        thread
            .spawn_scoped(scope, work)
            .expect("a thread")
            .join()
            .expect("no panic")
    })
}

#[test]
fn ordinary_expressions_give_what_jq_gives() {
    let mut wrong = Vec::new();
    let mut count = 0;
    let lines = include_str!("language/expressions.txt").lines();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with("# ")) {
        let [input, text, wanted] = line.split(" ⟹ ").collect::<Vec<_>>()[..] else {
            panic!("three parts wanted: {line}");
        };
        count += 1;
        let got = match on_small_stack(|| evaluated(text, input)) {
            Ok(value) => value.to_json(),
            Err(error) => error.code().to_owned(),
        };
        if got != wanted {
            wrong.push(format!(
                "{input} | {text}\n  gives  {got}\n  wanted {wanted}"
            ));
        }
    }

    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(count >= 120, "{count}");
}

#[test]
fn hostile_expressions_end_with_a_reason() {
    let lines = include_str!("language/hostile.txt").lines();
    for text in lines.filter(|line| !line.starts_with("# ")) {
        let source = Source {
            text,
            variables: &[],
        };
        let Ok(library) = Library::compile(&[source]) else {
            assert!(text.contains("def"), "{text}");
            continue;
        };
        let scope = Scope {
            now: DateTime::UNIX_EPOCH,
            variables: &[],
        };
        let (result, took) = on_small_stack(|| {
            let before = processor_time();
            let result = library.evaluate(0, &Value::Null, &scope, Budget::default());
            (result, processor_time().saturating_sub(before))
        });

        let Err(reason) = result else {
            panic!("{text} gives {}", result.unwrap());
        };
        assert!(took < HOSTILE_MAX, "{text} took {took:?}");
        if std::env::var_os("SHOW").is_some() {
            eprintln!("{:>9.1?} {} {text}", took, reason.code());
        }
    }
}

#[test]
fn regular_expressions_take_time_in_proportion_to_the_text() {
    let started = Instant::now();

    let result = evaluated("\"a\" * 30000 + \"b\" | test(\"^(a+)+$\")", "null");

    assert_eq!(result, Ok(Value::from(false)));
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn hostile_texts_are_refused_before_they_are_parsed() {
    let long = [
        "(".repeat(20_000),
        "-".repeat(8_000),
        vec!["."; 4_000].join("|"),
        "try ".repeat(2_000) + ".",
        "\"\\(".repeat(2_000),
        "if . then ".repeat(700),
        "def f: 1 + f; f".into(),
        "def f: [f]; f".into(),
        "import \"a\" as a; .".into(),
        "include \"a\"; .".into(),
        "env.HOME".into(),
        "$ENV".into(),
        "input".into(),
        "halt".into(),
        "halt(1)".into(),
        "debug".into(),
        "1) | (2".into(),
        "1); def e1: (2".into(),
        "w_tick".into(),
        "$__loc__".into(),
        ". as [$a] ?// $a | $a".into(),
        String::new(),
    ];

    for text in long {
        let problem = on_small_stack(|| {
            check(&Source {
                text: &text,
                variables: &[],
            })
        });

        let problem = problem.expect_err(&text);
        assert!(problem.code.starts_with("expression."), "{problem:?}");
        assert!(problem.offset <= text.len());
    }
}

/// Texts with so many operators, and with as many brackets as are allowed.
fn widest(count: usize) -> Vec<String> {
    let chain = |part: &str, operator: &str| vec![part; count + 1].join(operator);
    vec![
        format!("{}1{}", "(".repeat(64), ")".repeat(64)),
        format!("{}1{}", "[".repeat(64), "]".repeat(64)),
        "-".repeat(count) + "1",
        "try ".repeat(count) + ".",
        chain(".", " | "),
        chain("1", " + "),
        chain("1", ", "),
        chain("false", " or "),
        chain("null", " // ").replacen(" // ", " + ", count / 2),
        ".a".to_owned() + &"?".repeat(count),
        "if . then ".repeat(count) + "1" + &" end".repeat(count),
        ". as $x | ".repeat(count / 2) + "$x",
        "reduce . as $x (.; ".repeat(60) + "." + &")".repeat(60),
    ]
}

#[test]
fn long_expressions_run_on_a_small_stack() {
    for text in widest(100) {
        let result = on_small_stack(|| evaluated(&text, "null"));

        assert!(result.is_ok(), "{text}: {result:?}");
    }
}

#[test]
fn the_longest_expressions_end_in_an_orderly_way_on_a_small_stack() {
    for text in widest(256) {
        let source = Source {
            text: &text,
            variables: &[],
        };
        let scope = Scope {
            now: DateTime::UNIX_EPOCH,
            variables: &[],
        };
        // Without optimisation some of them need more stack than an evaluation may use.
        let Ok(library) = Library::compile(&[source]) else {
            continue;
        };
        let result =
            on_small_stack(|| library.evaluate(0, &Value::Null, &scope, Budget::default()));

        assert!(
            matches!(result, Ok(_) | Err(ExpressionError::Depth)),
            "{text}: {result:?}"
        );
    }
}

#[test]
fn results_can_be_gathered_one_by_one() {
    let gathered = [
        "reduce range(1000) as $i ([]; . + [$i]) | length",
        "reduce range(1000) as $i ({}; . + {\"k\\($i)\": $i}) | length",
        "reduce range(1000) as $i ({}; .[\"k\\($i)\"] = $i) | length",
        "[range(1000) | {id: .}] | INDEX(.id) | length",
        "[range(2000)] | del(.[] | select(. % 2 == 0)) | length",
        "reduce range(1000) as $i (\"\"; . + \"x\") | length",
    ];

    for text in gathered {
        assert_eq!(evaluated(text, "null"), Ok(Value::from(1000i64)), "{text}");
    }
}

#[test]
fn a_problem_says_where_and_what_to_write() {
    let source = Source {
        text: ".a + $contxt.b",
        variables: &["context"],
    };

    let problem = check(&source).unwrap_err();

    assert_eq!(problem.code, "expression.unknown_variable");
    assert_eq!(problem.offset, 5);
    assert_eq!(problem.hint.as_deref(), Some("bound here: $context"));
    assert_eq!(
        check(&Source {
            text: ".a | ]",
            variables: &[]
        })
        .unwrap_err()
        .offset,
        5
    );
}

#[test]
fn what_an_expression_reads_is_known() {
    let text = "$context.a as $b | {x: $b, y: (now | todate), z: \"\\($item)\"}";

    let reads = check(&Source {
        text,
        variables: &VARIABLES,
    })
    .unwrap();

    assert!(reads.clock);
    assert_eq!(
        reads.variables.into_iter().collect::<Vec<_>>(),
        ["context", "item"]
    );
    assert!(
        !check(&Source {
            text: ".now",
            variables: &[]
        })
        .unwrap()
        .clock
    );
}

#[test]
fn all_problems_of_a_library_are_told_at_once() {
    let texts = [".a", ".[", "$nobody", "1 +"];
    let sources = texts.map(|text| Source {
        text,
        variables: &[],
    });

    let problems = Library::compile(&sources).unwrap_err();

    assert_eq!(
        problems.iter().map(|problem| problem.0).collect::<Vec<_>>(),
        [1, 2, 3]
    );
}

#[test]
fn each_expression_of_a_library_has_its_own_variables() {
    let sources = [
        Source {
            text: "$item + 1 # a comment \\",
            variables: &["item"],
        },
        Source {
            text: "$input - 1",
            variables: &["input"],
        },
        Source {
            text: "\"e\\(.)\"",
            variables: &[],
        },
    ];
    let library = Library::compile(&sources).unwrap();
    let variables = [("input", Value::from(10i64)), ("item", Value::from(1i64))];
    let scope = Scope {
        now: DateTime::UNIX_EPOCH,
        variables: &variables,
    };

    let result = |index| library.evaluate(index, &Value::from(0i64), &scope, Budget::default());

    assert_eq!(result(0), Ok(Value::from(2i64)));
    assert_eq!(result(1), Ok(Value::from(9i64)));
    assert_eq!(result(2), Ok(Value::from("e0")));
    assert!(matches!(result(3), Err(ExpressionError::Internal(_))));
}

#[test]
fn a_library_is_shared_between_threads() {
    let library = compiled("[.[] | . * 2] | add");
    let scope = Scope {
        now: DateTime::UNIX_EPOCH,
        variables: &[],
    };

    std::thread::scope(|threads| {
        for number in 0..4i64 {
            let library = &library;
            threads.spawn(move || {
                let input = Value::list([Value::from(number)]);
                let result = library.evaluate(0, &input, &scope, Budget::default());
                assert_eq!(result, Ok(Value::from(number * 2)));
            });
        }
    });
}

#[test]
fn a_result_deeper_than_stored_values_may_be_is_refused() {
    let nested = |levels| format!("reduce range({levels}) as $i (null; [.])");

    assert_eq!(evaluated(&nested(64), "null").unwrap().depth(), 64);
    assert_eq!(evaluated(&nested(65), "null"), Err(ExpressionError::Depth));
    assert_eq!(
        evaluated(&format!("{} | tojson | length", nested(100)), "null"),
        Ok(Value::from(204i64))
    );
}
