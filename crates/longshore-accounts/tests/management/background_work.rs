use longshore_accounts::{Accounts, Collection, RunState};
use longshore_metadata::COLLECTION_JOB;

use crate::support::{admin, on_both_databases, recorded, word};

on_both_databases! {
    collection_that_is_asked_for_is_worked_once,
    few_runs_are_remembered,
    jobs_are_looked_after,
}

async fn collection_that_is_asked_for_is_worked_once(accounts: Accounts) {
    let act = admin();
    let now = act.circumstances.now;
    assert_eq!(accounts.take_collection(now).await.unwrap(), None);
    let id = accounts.ask_for_collection(&act).await.unwrap();
    assert_eq!(word(accounts.ask_for_collection(&act).await), "conflict", "one waits");
    let run = accounts.collection_run(id).await.unwrap();
    assert_eq!((run.state, run.asked_at()), (RunState::Pending, now));

    let taken = accounts.take_collection(now).await.unwrap().unwrap();
    assert_eq!((taken.id, taken.state), (id, RunState::Running));
    assert_eq!(accounts.take_collection(now).await.unwrap(), None, "another process finds it taken");
    assert_eq!(accounts.collection_run(id).await.unwrap().state, RunState::Running);
    let outcome = Collection { reviewed: 3, blobs: 2, freed_bytes: 70, ..Collection::default() };
    accounts.finish_collection(taken, Ok(outcome), now).await.unwrap();
    let run = accounts.collection_run(id).await.unwrap();
    assert_eq!((run.state, run.taken), (RunState::Success, outcome));
    assert_eq!(accounts.jobs(COLLECTION_JOB, 0, 9).await.unwrap(), (Vec::new(), 0));

    accounts.ask_for_collection(&act).await.unwrap();
    let taken = accounts.take_collection(now).await.unwrap().unwrap();
    accounts.finish_collection(taken, Err("the disk is gone".to_owned()), now).await.unwrap();
    let runs = accounts.collection_runs().await.unwrap();
    assert_eq!((runs[0].state, runs[0].problem.as_str()), (RunState::Error, "the disk is gone"));
    assert_eq!(runs[1].id, id, "the newest first");
    assert_eq!(recorded(&accounts, "collection").await.len(), 2);
    assert_eq!(word(accounts.collection_run(999).await), "unknown");
}

async fn few_runs_are_remembered(accounts: Accounts) {
    let act = admin();
    let now = act.circumstances.now;
    for _ in 0..23 {
        accounts.ask_for_collection(&act).await.unwrap();
        let taken = accounts.take_collection(now).await.unwrap().unwrap();
        accounts.finish_collection(taken, Ok(Collection::default()), now).await.unwrap();
    }
    let runs = accounts.collection_runs().await.unwrap();
    assert_eq!(runs.len(), 20);
    assert!(runs.windows(2).all(|pair| pair[0].id > pair[1].id), "{runs:?}");
}

async fn jobs_are_looked_after(accounts: Accounts) {
    let act = admin();
    let now = act.circumstances.now;
    let id = accounts.ask_for_collection(&act).await.unwrap();
    accounts.take_collection(now).await.unwrap().unwrap();
    let queues = accounts.job_queues().await.unwrap();
    assert_eq!((queues.len(), queues[0].kind.as_str(), queues[0].count), (1, COLLECTION_JOB, 1));
    let (jobs, total) = accounts.jobs(COLLECTION_JOB, 0, 9).await.unwrap();
    assert!(total == 1 && jobs[0].run_after > now, "somebody has it");

    accounts.rerun_job(&act, id).await.unwrap();
    assert_eq!(accounts.take_collection(now).await.unwrap().unwrap().id, id, "it is due again");
    let taken = accounts.collection_run(id).await.unwrap();
    accounts.remove_job(&act, id).await.unwrap();
    assert_eq!(accounts.jobs(COLLECTION_JOB, 0, 9).await.unwrap().1, 0);
    assert_eq!(word(accounts.collection_run(id).await), "unknown");
    // Who worked it meanwhile brings nothing back.
    accounts.finish_collection(taken, Ok(Collection::default()), now).await.unwrap();
    assert_eq!(accounts.collection_runs().await.unwrap(), []);
    for changed in [accounts.rerun_job(&act, id).await, accounts.remove_job(&act, id).await] {
        assert_eq!(word(changed), "unknown");
    }
    assert_eq!(recorded(&accounts, "job").await.len(), 2);
}
