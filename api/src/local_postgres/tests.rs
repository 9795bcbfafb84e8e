//! The order in which a database is looked for, tried on this machine's own programs.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;

/// A state folder that the server's account may pass through, and a wish for it.
fn wish() -> (TempDir, Wish) {
    let folder = tempfile::tempdir().expect("a folder");
    let open = fs::Permissions::from_mode(0o711);
    fs::set_permissions(folder.path(), open).expect("its permissions");
    let state = Some(folder.path().join("state"));
    let environment = Environment {
        state,
        ..Environment::default()
    };
    let wish = Wish {
        database_url: None,
        programs: std::env::var_os("WINDLASS_PG_BIN").map(PathBuf::from),
        path: std::env::var_os("PATH"),
        may_download: false,
        state: StateFolder::locate(&environment).expect("the folder that was named"),
        name: "test".to_owned(),
        settings: Vec::new(),
    };
    (folder, wish)
}

#[tokio::test]
async fn given_address_is_used_as_it_is() {
    let (folder, mut wish) = wish();
    wish.database_url = Some("postgres://elsewhere/database".to_owned());

    let database = LocalDatabase::open(&wish, &mut |_| ())
        .await
        .expect("the address");

    assert_eq!(database.origin, Origin::Given);
    assert_eq!(database.url, "postgres://elsewhere/database");
    assert!(database.cluster().is_none());
    assert!(!folder.path().join("state").exists(), "nothing was started");
    database.close().await.expect("nothing to stop");
}

#[tokio::test]
async fn own_server_is_started_then_taken_over_then_stopped() {
    let (_folder, wish) = wish();

    let first = LocalDatabase::open(&wish, &mut |_| ())
        .await
        .expect("a database");
    let second = LocalDatabase::open(&wish, &mut |_| ())
        .await
        .expect("the same database");

    assert!(matches!(first.origin, Origin::Installed(_)));
    assert_eq!(second.origin, Origin::Running);
    assert_eq!(first.url, second.url);
    assert!(first.url.ends_with("/windlass"));
    first.close().await.expect("a stopped server");
}

#[cfg(feature = "fetch-postgres")]
#[tokio::test]
async fn refused_download_ends_with_what_to_type() {
    let (_folder, wish) = wish();

    let refused = wish.fetched(&mut |_| ()).await.expect_err("a refusal");

    assert_eq!(
        (refused.code(), refused.exit_code()),
        ("postgres.missing", 69)
    );
    assert!(
        refused.to_string().contains("brew install postgresql@17"),
        "{refused}"
    );
}
