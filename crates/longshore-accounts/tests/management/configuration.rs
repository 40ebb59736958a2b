use longshore_accounts::{Accounts, AccountsSettings, FileConfiguration};
use serde_json::{Map, Value, json};

use crate::support::{admin, make_users, new_project, on_both_databases, recorded, user, word};

on_both_databases! {
    what_one_process_changes_others_use_when_they_look_next,
    what_is_refused_changes_nothing,
}

fn wanted(json: Value) -> Map<String, Value> {
    match json {
        Value::Object(map) => map,
        other => panic!("no object: {other}"),
    }
}

async fn what_one_process_changes_others_use_when_they_look_next(accounts: Accounts) {
    let other = Accounts::new(accounts.metadata().clone(), AccountsSettings::default(), Vec::new());
    make_users(&accounts, ["ann"]).await;
    let change = wanted(json!({
        "project_creation_restriction": "adminonly", "robot_name_prefix": "bot-", "token_expiration": 5,
        "session_timeout": 30, "read_only": true, "storage_per_project": 1000, "robot_token_duration": 7
    }));
    accounts.change_configuration(&admin(), &change).await.unwrap();
    let here = accounts.running();
    assert!(here.read_only && here.robot_prefix == "bot-" && here.robot_days == 7);
    let ann = user(&accounts, "ann").await;
    assert_eq!(word(accounts.create_project(&ann, &new_project("mine")).await), "forbidden");

    assert!(!other.running().read_only);
    let shown = other.configuration().await.unwrap();
    assert_eq!(shown["read_only"].value, true, "what is shown is what the index has");
    assert_eq!(shown["storage_per_project"].value, 1000);
    other.refresh_configuration().await.unwrap();
    assert_eq!(other.running(), here);

    let file = FileConfiguration { values: [("read_only", json!(false))].into(), ..Default::default() };
    let settings = AccountsSettings { file, ..AccountsSettings::default() };
    let third = Accounts::new(accounts.metadata().clone(), settings, Vec::new());
    third.refresh_configuration().await.unwrap();
    assert!(!third.running().read_only, "the file goes before the index");
    assert!(!third.configuration().await.unwrap()["read_only"].editable);
}

async fn what_is_refused_changes_nothing(accounts: Accounts) {
    make_users(&accounts, ["bot-ann"]).await;
    for bad in [
        json!({"read_only": true, "robot_token_duration": 0}),
        json!({"read_only": true, "robot_name_prefix": "bot-"}),
        json!({"read_only": true, "robot_name_prefix": "bot-ann"}),
        json!({"read_only": true, "nothing_of_the_kind": 1}),
    ] {
        assert_eq!(word(accounts.change_configuration(&admin(), &wanted(bad)).await), "invalid");
    }
    assert!(!accounts.running().read_only);
    accounts.change_configuration(&admin(), &wanted(json!({"robot_name_prefix": "bot-anna"}))).await.unwrap();
    let rows = recorded(&accounts, "configuration").await;
    assert_eq!(rows.len(), 1, "{rows:?}");
}
